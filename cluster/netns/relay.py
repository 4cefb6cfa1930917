"""Carries frames between two network interfaces, both ways, each so many milliseconds late: `tc netem delay` for kernels without it.

Usage: relay.py INTERFACE INTERFACE MILLISECONDS

Frames come with their virtio_net header, which says what of a checksum or of a large segment the kernel has left for the interface to do, and
go out with it; so they need not be computed here.
"""

import collections
import select
import socket
import sys
import time

SOL_PACKET = 263
PACKET_VNET_HDR = 15
PACKET_IGNORE_OUTGOING = 23
ETH_P_ALL = 3
FRAME_BYTES_MAX = 1 << 17
# Frames that wait in one direction; more are lost, as in a router.
WAITING_MAX = 10_000


def listen(interface):
    """A socket that sees what comes in at an interface, and sends out of it."""
    end = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
    end.setsockopt(SOL_PACKET, PACKET_VNET_HDR, 1)
    end.setsockopt(SOL_PACKET, PACKET_IGNORE_OUTGOING, 1)
    end.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8 << 20)
    end.bind((interface, ETH_P_ALL))
    end.setblocking(False)
    return end


def main():
    ends = [listen(interface) for interface in sys.argv[1:3]]
    delay = float(sys.argv[3]) / 1000
    waiting = [collections.deque(), collections.deque()]
    print("carrying", flush=True)
    while True:
        due = [line[0][0] for line in waiting if line]
        patience = max(0, min(due) - time.monotonic()) if due else None
        ready, _, _ = select.select(ends, [], [], patience)
        now = time.monotonic()
        for at, end in enumerate(ends):
            if end in ready:
                try:
                    while len(waiting[at]) < WAITING_MAX:
                        waiting[at].append((now + delay, end.recv(FRAME_BYTES_MAX)))
                    while end.recv(FRAME_BYTES_MAX):
                        pass
                except BlockingIOError:
                    pass
                except OSError as error:
                    print("lost:", error, file=sys.stderr, flush=True)
            line = waiting[at]
            while line and line[0][0] <= now:
                frame = line.popleft()[1]
                try:
                    ends[1 - at].send(frame)
                except OSError as error:
                    # As on a wire: nobody is told.
                    print("lost:", error, file=sys.stderr, flush=True)


main()
