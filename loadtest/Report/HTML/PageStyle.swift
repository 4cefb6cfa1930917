/// The page's looks. Every colour is a variable; the dark theme and paper set the variables anew and nothing else.
enum PageStyle {
    static let text = """

        :root{color-scheme:light dark;--bg:#f6f7f9;--card:#fff;--ink:#161b22;--soft:#56606d;--rule:#dfe3e8;--faint:#eef0f3;
        --response:#1d5fd1;--service:#0b7f6f;--slip:#7a828d;--p99:#c2410c;--p50:#0f172a;--halo:rgba(255,255,255,.75);--event:#7c3aed;--gap:#e5484d;
        --good:#12703c;--good-bg:#e5f5ec;--bad:#b42318;--bad-bg:#fdecea;--warning:#8a5300;--warning-bg:#fff4dc;
        --h1:#e3edfb;--h2:#c7dcf7;--h3:#a3c5f1;--h4:#7aa9e8;--h5:#518ade;--h6:#2f6bc8;--h7:#1c4fa0;--h8:#10356f;
        --e1:#9aa3ae;--e2:#d9a200;--e3:#c0341d;--e4:#7c8fb5;--e5:#8f5bd6;--e6:#d0568f;--e7:#e0731d;--e8:#5f6b7a;--e9:#3d8a86}
        @media (prefers-color-scheme:dark){:root{--bg:#0e1217;--card:#161b22;--ink:#e8ecf1;--soft:#9fabb9;--rule:#2b333d;--faint:#1e252e;
        --response:#6ea8ff;--service:#3fc7b1;--slip:#8b96a3;--p99:#ffa25c;--p50:#fff;--halo:rgba(10,14,19,.7);--event:#b794ff;--gap:#ff6b61;
        --good:#5fd491;--good-bg:#12291c;--bad:#ff8a80;--bad-bg:#33171a;--warning:#ffc45c;--warning-bg:#2e2410;
        --h1:#1b2940;--h2:#1c3557;--h3:#1e4473;--h4:#215592;--h5:#2768b2;--h6:#327ed0;--h7:#4897e8;--h8:#6fb4f8;
        --e1:#8a95a3;--e2:#f0c243;--e3:#ff7563;--e4:#8fa5d1;--e5:#b48bf0;--e6:#f087b5;--e7:#ff9d52;--e8:#8b98a8;--e9:#5cbab4}}
        *{box-sizing:border-box}
        body{margin:0;background:var(--bg);color:var(--ink);font:16px/1.55 system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",Arial,sans-serif;overflow-wrap:anywhere}
        main{max-width:1100px;margin:0 auto;padding:32px 20px 8px}
        header,section{background:var(--card);border:1px solid var(--rule);border-radius:12px;padding:24px 28px;margin:0 0 20px}
        h1{font-size:32px;line-height:1.2;margin:2px 0 6px;letter-spacing:-.01em}h2{font-size:20px;margin:0 0 10px}h3{font-size:15px;margin:26px 0 4px}
        p{margin:0 0 10px;max-width:80ch}.eyebrow,.summary,.note,footer,section>p{color:var(--soft)}.eyebrow{font-size:14px;margin:0}
        section>p b{color:var(--ink)}small,.note{font-size:13px}
        .verdict{display:flex;gap:16px;align-items:flex-start;border-radius:10px;padding:16px 20px;margin:16px 0;border:1px solid}
        .verdict p{margin:0;color:var(--ink)}.verdict .title{font-size:21px;font-weight:650;line-height:1.3;margin-bottom:3px}
        .sign{flex:none;width:34px;height:34px;border-radius:50%;display:grid;place-items:center;font-weight:700;color:var(--card);font-size:19px}
        .verdict.good{background:var(--good-bg);border-color:var(--good)}.verdict.good .sign{background:var(--good)}.verdict.good .title{color:var(--good)}
        .verdict.bad{background:var(--bad-bg);border-color:var(--bad)}.verdict.bad .sign{background:var(--bad)}.verdict.bad .title{color:var(--bad)}
        .verdict.warning{background:var(--warning-bg);border-color:var(--warning)}.verdict.warning .sign{background:var(--warning)}.verdict.warning .title{color:var(--warning)}
        .cautions{margin:0 0 16px;padding:12px 16px 12px 34px;background:var(--warning-bg);border-left:4px solid var(--warning);border-radius:6px}
        .cautions li+li{margin-top:4px}
        .tiles{display:grid;grid-template-columns:repeat(auto-fit,minmax(125px,1fr));gap:1px;border:1px solid var(--rule);border-radius:10px;overflow:hidden;margin:16px 0 0}
        .tiles div{padding:12px 14px;box-shadow:0 0 0 1px var(--rule)}.tiles dt{font-size:13px;color:var(--soft)}
        .tiles dd{margin:0;font-size:22px;font-weight:620;line-height:1.3;font-variant-numeric:tabular-nums;white-space:nowrap}
        .tiles dd.note{font-size:12.5px;font-weight:400;color:var(--soft);white-space:normal}
        .tiles .bad dd:not(.note){color:var(--bad)}.tiles .good dd{color:var(--good)}.tiles.small{margin:8px 0 14px}
        table{border-collapse:collapse;width:100%;font-size:14px;font-variant-numeric:tabular-nums}
        th,td{padding:7px 10px;text-align:right;border-bottom:1px solid var(--rule);vertical-align:middle;font-weight:400}
        td{white-space:nowrap}td.words,.objectives td{white-space:normal}
        thead th{color:var(--soft);font-size:13px;border-bottom-color:var(--soft)}th:first-child,td:first-child,.words,.objectives th,.objectives td{text-align:left}
        tbody th{font-weight:600}tbody tr:last-child>*{border-bottom:0}tr.total>*{border-top:2px solid var(--rule)}
        .objectives td:first-child{width:130px}.objectives tbody th{width:40%}code{font:13.5px ui-monospace,"SF Mono",Menlo,Consolas,"DejaVu Sans Mono",monospace}
        .badge{display:inline-block;border-radius:99px;padding:1px 10px;font-size:13px;font-weight:600;white-space:nowrap}
        .held .badge{background:var(--good-bg);color:var(--good)}.missed .badge{background:var(--bad-bg);color:var(--bad)}.unchecked .badge{background:var(--warning-bg);color:var(--warning)}
        .warn,tr.warn td,tr.warn th{color:var(--bad)}.wide,.chart{overflow-x:auto}
        details{margin-top:14px}summary{cursor:pointer;color:var(--response);font-size:14px;padding:4px 0}details>table{max-width:100%}
        .legend{display:flex;flex-wrap:wrap;gap:4px 18px;font-size:13px;color:var(--soft);margin:0 0 4px;align-items:center;max-width:none}
        .key::before{content:"";display:inline-block;width:18px;height:0;border-top:3px solid;margin-right:7px;vertical-align:middle}
        .key.response::before{border-color:var(--response)}.key.service::before{border-color:var(--service);border-top-style:dashed}.key.slip::before{border-color:var(--slip);border-top-style:dotted}
        .key.p50::before{border-color:var(--p50)}.key.p99::before{border-color:var(--p99)}.key.answered::before{border-color:var(--response)}.key.planned::before{border-color:var(--ink);border-top:2px dashed}
        .key.gapkey::before,.key[class*=" e"]::before{height:11px;border:0}.key.gapkey::before{background:var(--gap)}
        .scale{display:inline-flex;align-items:center}.scale i{width:16px;height:11px}.scale i:first-of-type{margin-left:7px}.scale i:last-of-type{margin-right:7px}
        .events{list-style:none;counter-reset:e;padding:0;margin:8px 0 0;font-size:14px;display:grid;gap:5px}
        .events li{counter-increment:e;padding-left:30px;position:relative}
        .events li::before{content:counter(e);position:absolute;left:0;top:1px;width:20px;height:20px;border-radius:50%;background:var(--event);color:var(--card);font-size:12px;font-weight:650;display:grid;place-items:center}
        .none{padding:14px 16px;background:var(--faint);border-radius:8px;color:var(--soft);font-size:14px;max-width:none}.none.good{color:var(--good);background:var(--good-bg)}
        .chip{display:inline-block;border:1px solid var(--rule);border-radius:6px;padding:0 8px;margin:0 0 4px 6px;font-size:13px}.chips{margin:14px 0 0;max-width:none}
        .columns{display:grid;grid-template-columns:1fr 1fr;gap:36px}.facts{margin:0;font-size:14px}.facts div{display:grid;grid-template-columns:150px 1fr;gap:12px;padding:5px 0;border-bottom:1px solid var(--faint)}
        .facts dt{color:var(--soft)}.facts dd{margin:0}
        footer{max-width:1100px;margin:0 auto;padding:4px 48px 40px;font-size:13px}
        svg{display:block;width:100%;height:auto;min-width:640px}svg.strip{width:150px;min-width:150px;height:18px;margin-left:auto}.spreadhead{min-width:170px}.stripcell{padding-top:4px;padding-bottom:4px}
        svg text{font:12px system-ui,-apple-system,"Segoe UI",Roboto,Arial,sans-serif;fill:var(--soft);font-variant-numeric:tabular-nums}
        svg path{fill:none}.mid{text-anchor:middle}.end{text-anchor:end}text.value{fill:var(--ink);font-weight:600;paint-order:stroke;stroke:var(--card);stroke-width:4px}
        .grid{stroke:var(--rule);stroke-width:1}.grid.faint{stroke:var(--faint)}.grid.over{stroke:var(--ink);opacity:.13}.axis{stroke:var(--soft);stroke-width:1}
        .curve{stroke-width:2.6;stroke-linejoin:round}.curve.response{stroke:var(--response)}.curve.service{stroke:var(--service);stroke-dasharray:9 9;stroke-width:2.6}.curve.slip{stroke:var(--slip);stroke-dasharray:2 4;stroke-width:2}
        circle.mark{fill:var(--response);stroke:var(--card);stroke-width:1.5}.bound path{stroke:var(--event);stroke-width:2.5}.bound text{fill:var(--event);font-weight:600;paint-order:stroke;stroke:var(--card);stroke-width:4px}
        .ground{fill:var(--faint)}svg .over{stroke-width:1.8;stroke-linejoin:round}svg .over.p50{stroke:var(--p50)}svg .over.p99{stroke:var(--p99)}.over-halo{stroke:var(--halo);stroke-width:4}
        .line{stroke-width:1.8}.line.answered{stroke:var(--response)}svg .area.answered{fill:var(--response);opacity:.14}.line.planned{stroke:var(--ink);stroke-dasharray:5 4;stroke-width:1.5}
        .line.flight{stroke:var(--service)}svg .area.flight{fill:var(--service);opacity:.16}
        .gap{fill:var(--gap);opacity:.28}.event path{stroke:var(--event);stroke-width:1.6;stroke-dasharray:4 3}.event circle{fill:var(--event)}.event text{fill:var(--card);font-weight:650}.event-span{fill:var(--event);opacity:.13}rect[height="7"]{opacity:.9}
        .phase{stroke:var(--soft);stroke-dasharray:1 3}.hover{fill:transparent}.hover:hover{fill:var(--ink);opacity:.1}
        .spread{stroke:var(--response);stroke-width:3}.spread.thin{stroke-width:1.4}.strip circle{fill:var(--response)}
        \(shades)
        @media (max-width:720px){main{padding:12px 8px}header,section{padding:18px 14px}.columns{grid-template-columns:1fr;gap:20px}footer{padding:4px 22px 30px}.objectives td:first-child{width:auto}section:has(>table),section>details{overflow-x:auto}}
        @media print{:root{color-scheme:light;--bg:#fff;--card:#fff;--ink:#000;--soft:#444;--rule:#ccc;--faint:#f1f1f1;--response:#1d5fd1;--service:#0b7f6f;--slip:#7a828d;--p99:#c2410c;--p50:#000;--halo:rgba(255,255,255,.75);--event:#6d28d9;--gap:#e5484d;
        --good:#12703c;--good-bg:#eaf6ef;--bad:#b42318;--bad-bg:#fdecea;--warning:#8a5300;--warning-bg:#fff4dc;--h1:#e3edfb;--h2:#c7dcf7;--h3:#a3c5f1;--h4:#7aa9e8;--h5:#518ade;--h6:#2f6bc8;--h7:#1c4fa0;--h8:#10356f}
        *{-webkit-print-color-adjust:exact;print-color-adjust:exact}body{font-size:12px}main{max-width:none;padding:0}header,section{border:0;padding:6px 0;margin:0 0 8px}.chart,dl,.verdict,tr{break-inside:avoid}h2,h3,.legend,section>p{break-after:avoid}svg{min-width:0}.hover{display:none}details:not([open]){display:none}}

        """

    /// The colours of cells and of kinds of errors, for drawings and legends.
    private static var shades: String {
        (1...8).map { "svg path.h\($0){fill:var(--h\($0))}i.h\($0){background:var(--h\($0))}" }.joined()
            + (1...9).map { "svg path.e\($0){fill:var(--e\($0))}.key.e\($0)::before{background:var(--e\($0))}" }.joined()
    }
}
