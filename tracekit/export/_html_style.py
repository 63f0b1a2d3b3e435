"""The look of the page that a report is. Knows the classes of its parts, and no trace."""

from __future__ import annotations

from tracekit.export._colours import DARK, FONTS, LIGHT, Palette

# Classes that only have a colour: of slices, of shares, of the squares in a legend.
FILLS = (
    *(
        "compute",
        "native",
        "cpu",
        "io",
        "polling",
        "sleep",
        "lock",
        "gil",
        "core",
        "loop",
        "task",
        "job",
        "other",
        "gc",
    ),
    *("slice", "error", "warning", "info"),
)
_MONO = "ui-monospace, 'SF Mono', SFMono-Regular, Menlo, Consolas, 'Liberation Mono', monospace"

_RULES = """
*{box-sizing:border-box}
html{color-scheme:light dark;-webkit-text-size-adjust:100%}
body{margin:0;background:var(--paper);color:var(--ink);font:15px/1.5 var(--fonts);font-variant-numeric:tabular-nums}
main{max-width:1240px;margin:0 auto;padding:40px 32px 64px}
h1{font-size:26px;line-height:1.25;margin:0;font-weight:650;overflow-wrap:anywhere}
h2{font-size:18px;margin:44px 0 4px;font-weight:650}
h3{font-size:13px;margin:18px 0 4px;font-weight:600;color:var(--muted)}
p{margin:4px 0}
code,.code{font-family:var(--mono);font-size:.88em;overflow-wrap:anywhere}
.muted,.note{color:var(--muted)}
.note{font-size:13px;max-width:75ch}
a{color:inherit}
nav{margin-top:14px;font-size:13px;display:flex;flex-wrap:wrap;gap:4px 18px;color:var(--muted)}
nav a{text-decoration:none}nav a:hover{text-decoration:underline}
.facts{display:flex;flex-wrap:wrap;gap:12px 36px;margin:24px 0 0}
.facts div{min-width:72px}
.facts dt{font-size:12px;color:var(--muted)}
.facts dd{margin:0;font-size:20px;font-weight:600}
.facts small{font-size:13px;font-weight:400;color:var(--muted)}

.finding{border:1px solid var(--line);border-left:4px solid var(--severity);border-radius:6px;padding:14px 18px;margin:12px 0;
 scroll-margin-top:16px}
.finding:target{background:var(--panel)}
.finding header{display:flex;flex-wrap:wrap;gap:2px 12px;align-items:baseline;font-size:13px;color:var(--muted)}
.finding header a{text-decoration-color:var(--line);text-underline-offset:3px}
.finding .severity{color:var(--severity);font-weight:650}
.finding .said{font-size:16px;line-height:1.45;font-weight:500;margin:6px 0;max-width:95ch;overflow-wrap:anywhere}
.finding .advice{max-width:95ch;color:var(--muted);overflow-wrap:anywhere}
.finding .place{margin-top:8px;font-size:13px}
.finding details{font-size:13px;max-width:110ch;overflow-wrap:anywhere}
.is-error{--severity:var(--error)}.is-warning{--severity:var(--warning)}.is-nothing{--severity:var(--accent)}.is-info{--severity:var(--info)}
details>summary{cursor:pointer;color:var(--muted);font-size:13px;padding:6px 0}
.verdicts p{max-width:95ch;margin:8px 0}
.picture{overflow-x:auto;margin:8px -32px 0}.picture svg{display:block;width:100%;min-width:900px;height:auto}

.wide{overflow-x:auto;background:linear-gradient(to left,var(--paper) 40%,transparent) 100% 0/48px 100% no-repeat local,
 linear-gradient(to left,var(--line),transparent) 100% 0/16px 100% no-repeat}
table{border-collapse:collapse;margin-top:10px;font-size:13.5px;min-width:min(100%,420px)}
th{font-weight:500;font-size:12px;color:var(--muted);text-align:left;white-space:nowrap;vertical-align:bottom}
th,td{padding:5px 20px 5px 0;border-bottom:1px solid var(--line)}
th:last-child,td:last-child{padding-right:0}
td{vertical-align:top}
td.number,th.number{text-align:right;white-space:nowrap}
td.word{max-width:420px;overflow-wrap:break-word}td.word:not(.short){min-width:180px}
td.short{white-space:nowrap}td code{white-space:nowrap}
td.bar,th.bar{width:260px;min-width:180px}
.shares{display:flex;height:12px;margin-top:5px;border-radius:2px;overflow:hidden;background:var(--panel)}
.shares i{flex:none;border-right:1px solid var(--paper)}
.shares i:last-child{border-right:0}
.legend{display:flex;flex-wrap:wrap;gap:2px 16px;font-size:12px;color:var(--muted);margin:8px 0}
.legend i{display:inline-block;width:12px;height:10px;border-radius:2px;margin-right:6px}

.time{margin-top:12px;border:1px solid var(--line);border-radius:6px;overflow:hidden}
.time>input{position:absolute;opacity:0;pointer-events:none}
.zoom{display:flex;gap:6px;align-items:center;padding:8px 12px;font-size:12px;color:var(--muted);
 border-bottom:1px solid var(--line);background:var(--panel)}
.zoom label{padding:1px 9px;border-radius:10px;cursor:pointer;border:1px solid transparent}
.scroll{overflow-x:auto}
.sheet{position:relative;width:100%;padding:0 14px 10px 0}
.lane{display:grid;grid-template-columns:216px minmax(0,1fr);position:relative}
.lane>.name{position:sticky;left:0;z-index:3;background:var(--paper);padding:2px 12px;font-size:12px;line-height:18px;
 white-space:nowrap;overflow:hidden;text-overflow:ellipsis;border-right:1px solid var(--line)}
.lane>.name.head{font-weight:600;padding-top:10px;color:var(--ink)}
.lane>.rows{position:relative;padding:2px 0}
.row{position:relative;height:18px;margin-bottom:1px}
.row.thin{height:6px;margin-top:1px}
.row>i{position:absolute;top:0;bottom:0;min-width:1px;overflow:hidden;text-overflow:ellipsis;
 white-space:nowrap;font:11px/18px var(--fonts);padding-left:3px;color:var(--slice-ink);border-radius:1.5px}
.row>i.bare{padding:0;border-radius:0}
.row>i.slice,.legend i.slice{box-shadow:inset 1px 0 var(--accent)}
.row>i.sleep,.row>i.task{top:38%;bottom:38%}.row.thin>i{top:0;bottom:0;border-radius:0}
.row>i.life,.legend i.life{background:var(--panel);border-radius:3px}.legend i.life{border:1px solid var(--line)}
.row>a:target{outline:2px solid var(--ink)}
.row>a{scroll-margin:120px 50vw 120px 280px;position:absolute;top:1px;min-width:18px;height:16px;padding:0 5px;border-radius:8px;
 font-size:11px;line-height:16px;
 font-weight:600;color:var(--paper);text-decoration:none;z-index:2;box-shadow:0 0 0 1px var(--paper)}
.grid{position:absolute;top:0;bottom:0;left:216px;right:14px;pointer-events:none}
.grid i{position:absolute;top:26px;bottom:0;border-left:1px solid var(--line)}
.grid b{position:absolute;top:0;bottom:0;opacity:.07;min-width:1px}
.ticks{height:24px}.ticks span{position:absolute;top:5px;font-size:11px;color:var(--muted);transform:translateX(-50%);
 white-space:nowrap}
.ticks span:first-child{transform:none;margin-left:3px}.ticks span.last{transform:translateX(-100%)}
footer{margin-top:56px;font-size:12px;color:var(--muted)}
#zoom1:focus-visible~.zoom,#zoom4:focus-visible~.zoom,#zoom16:focus-visible~.zoom{
 outline:2px solid var(--accent);outline-offset:-2px}
#zoom1:checked~.zoom [for=zoom1],#zoom4:checked~.zoom [for=zoom4],#zoom16:checked~.zoom [for=zoom16]{
 color:var(--ink);border-color:var(--line);background:var(--paper)}
#zoom4:checked~.scroll .sheet{width:400%}#zoom16:checked~.scroll .sheet{width:1600%}
.at4,.at16,#zoom4:checked~.scroll .at1,#zoom16:checked~.scroll .at1{display:none}
#zoom4:checked~.scroll .at4,#zoom16:checked~.scroll .at16{display:block}

@media screen and (max-width:760px){
main{padding:20px 16px 48px}
.picture{margin:8px -16px 0}
h1{font-size:21px}
.ticks .between{visibility:hidden}
.facts{gap:12px 24px}.facts dd{font-size:17px}
.lane{grid-template-columns:minmax(0,1fr);padding-left:10px}
.lane>.name{border:0;padding:4px 0 0;width:max-content;max-width:80vw;left:10px}
.lane.empty>.name{display:none}
.grid{left:10px}
.finding{padding:12px 14px}
.finding .said{font-size:15px}
}
@media (forced-colors:active){.row>*,.shares i,.legend i,.grid b{forced-color-adjust:none}}
@media print{main{max-width:none;padding:0}.zoom{display:none}.finding,tr,.lane{break-inside:avoid}h2,h3{break-after:avoid}
.sheet{width:100%!important}.at1{display:block!important}.at4,.at16{display:none!important}
.scroll,.wide,.picture{overflow:visible}.picture svg{min-width:0}.wide{background:none}
table{font-size:10.5px}th{font-size:10px}th,td{padding:3px 9px 3px 0}td.bar,th.bar{width:130px;min-width:90px}
td.word:not(.short){min-width:110px}#findings>details::details-content{content-visibility:visible;display:block}
.ticks .between{visibility:hidden}
*{print-color-adjust:exact;-webkit-print-color-adjust:exact}}
"""


def style() -> str:
    """The whole style sheet, light and dark as the reader's system is."""
    fixed = f"--fonts:{FONTS};--mono:{_MONO}"
    fills = "".join(f".{name}{{background:var(--{name})}}" for name in FILLS)
    dark = f"@media (prefers-color-scheme:dark){{:root{{{_variables(DARK)}}}}}"
    return f":root{{{_variables(LIGHT)};{fixed}}}{dark}{_RULES}{fills}"


def _variables(palette: Palette) -> str:
    return ";".join(f"--{name}:{colour}" for name, colour in palette.items())
