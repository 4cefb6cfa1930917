#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sched.h>
#include <stdint.h>
#include <unistd.h>

/* prctl is variadic, which Swift cannot call. */
static inline int set_timer_slack(unsigned long nanoseconds) {
    return prctl(PR_SET_TIMERSLACK, nanoseconds, 0, 0, 0);
}

/* Asks the scheduler for short slices of this thread: it then runs sooner after it wakes, and for less long. A wish that needs no rights; kernels
   before 6.12 do not know it, and a thread with real-time priority needs none. Threads that it starts have usual slices (SCHED_FLAG_RESET_ON_FORK). Nanoseconds. The C library has no name for the call (sched_setattr(2)). */
static inline int set_thread_slice(uint64_t nanoseconds) {
    if (sched_getscheduler(0) != SCHED_OTHER) return 0;
    struct {
        uint32_t size, policy;
        uint64_t flags;
        int32_t nice;
        uint32_t priority;
        uint64_t runtime, deadline, period;
    } attributes = {.size = sizeof(attributes), .flags = 1, .nice = getpriority(PRIO_PROCESS, 0), .runtime = nanoseconds};
    return (int)syscall(SYS_sched_setattr, 0, &attributes, 0);
}
