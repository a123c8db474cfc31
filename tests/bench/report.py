"""The tables: from the results of a run to Markdown that can be read as it is."""

import statistics

BEGIN, END = "<!-- results: written by tests/bench/run -->", "<!-- end of results -->"

# What the project promises, by kept connections: case, rival, at least so many times as fast.
RATE_TARGETS = [
    (f"{what} {clients} kept", rival, factor)
    for what, rival, factors in [
        ("sign Ed25519", "openssh", {1: 12, 16: 12}),
        ("sign Ed25519", "go", {1: 1, 16: 1}),
        ("sign P-256", "openssh", {1: 7, 16: 7}),
        ("sign P-256", "go", {1: 1, 16: 1}),
        ("sign RSA-2048", "openssh", {1: 2, 16: 3.5}),
        ("list six", "openssh", {1: 4, 16: 4}),
        ("list six", "the fastest rival", {1: 1, 16: 1}),
        ("list one", "openssh", {1: 4, 16: 4}),
        ("list one", "the fastest rival", {1: 1, 16: 1}),
    ]
    for clients, factor in factors.items()
]
# The same for keys on a SoftHSM2 token; "direct" calls the module itself, with one thread.
PKCS11_TARGETS = [
    (f"pkcs11 {key} {clients} kept", rival, factor)
    for key in ("RSA-2048", "P-256")
    for clients, rival, factor in [(16, "direct", 0.9), (16, "openssh", 2), (1, "openssh", 2)]
]
MANY_KEYS_SHARE = 0.9  # of the rate with 10 keys, that 10,000 keys must keep

# What costs, so that less is better: case, value, title, unit, size of the unit, the most promised.
# {} is the number of keys or connections in the case's name; the promises are for 10,000.
COSTS = [
    ("start", "start_ms", "start to first answer", "ms", 1, 15),
    ("idle", "rss_kib", "resident memory, idle, six keys", "MiB", 1024, 10),
    ("keys 10", "rss_growth_kib", "memory for 10 keys", "MiB", 1024, None),
    ("keys {}", "rss_growth_kib", "memory for {} keys", "MiB", 1024, None),
    ("connections {}", "rss_growth_kib", "memory for {} connections", "MiB", 1024, 40),
    ("connections {}", "p50_us", "answer to a new client beside {} connections", "ms", 1000, 2),
    ("confirm", "max_us", "longest wait of a client, while another is confirmed", "ms", 1000, None),
    ("confirm", "quiet_max_us", "longest wait of this client before", "ms", 1000, None),
] + [
    (f"beside {fault}", f"{what}_p99_us", f"{what}, p99, while {words}", "ms", 1000, most)
    for fault, words in [
        ("C_Sign", "a module hangs in C_Sign"),
        ("C_Initialize", "a module hangs in C_Initialize"),
        ("SIGSTOP", "a token's host is stopped"),
    ]
    for what, most in [("list", 5), ("sign", 10)]
]


class Results:
    """Of some of the kinds."""

    def __init__(self, results, kinds):
        self.results = results
        self.titles = {kind.name: kind.title for kind in kinds}
        self.rivals = [kind.name for kind in kinds if kind.name != "fob"]

    def values(self, case, agent, value="rate"):
        rounds = self.results.get(case, {}).get(agent, [])
        return [one[value] for one in rounds if value in one]

    def ratio(self, case, rival, value="rate"):
        """Median of fob ÷ rival, each taken within one round; None where one was not measured."""
        if rival == "the fastest rival":
            ratios = [self.ratio(case, one, value) for one in self.rivals]
            return min((ratio for ratio in ratios if ratio is not None), default=None)
        return median_ratio(self.values(case, "fob", value), self.values(case, rival, value))


def median_ratio(above, below):
    ratios = [a / b for a, b in zip(above, below) if b > 0]
    return statistics.median(ratios) if ratios else None


def number(value):
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"


def spread(values, unit=1):
    """Median (least–most)."""
    if not values:
        return "–"
    middle, low, high = (number(f(values) / unit) for f in (statistics.median, min, max))
    return middle if len(values) == 1 else f"{middle} ({low}–{high})"


def table(head, rows):
    if not rows:
        return ""
    widths = [max(len(row[i]) for row in [head, *rows]) for i in range(len(head))]
    cells = [[cell.ljust(width) for cell, width in zip(row, widths)] for row in [head, *rows]]
    lines = ["| " + " | ".join(row) + " |" for row in cells]
    lines.insert(1, "|" + "|".join("-" * (width + 2) for width in widths) + "|")
    return "\n".join(lines) + "\n"


def comparison(results, head, rows):
    """Each agent's numbers and fob's ratios, for rows of title, case, value, unit's size."""
    ratio_heads, ratio_rivals = [], []
    if "fob" in results.titles:
        ratio_rivals = results.rivals
        ratio_heads = [f"fob ÷ {results.titles[rival]}" for rival in ratio_rivals]
    lines = []
    for title, case, value, unit in rows:
        absolute = [spread(results.values(case, agent, value), unit) for agent in results.titles]
        ratios = [results.ratio(case, rival, value) for rival in ratio_rivals]
        shown = ["–" if ratio is None else f"{number(ratio)} ×" for ratio in ratios]
        lines.append([title, *absolute, *shown])
    return table([head, *results.titles.values(), *ratio_heads], lines)


def rate_table(results):
    rows = []
    for case in results.results:
        if case.startswith("keys"):
            rows.append((f"sign Ed25519 1 kept, of {case.split()[1]}", case, "rate", 1))
        elif case.startswith(("list", "sign")):
            rows.append((case, case, "rate", 1))
    return comparison(results, "requests per second", rows)


def latency_table(results):
    def cell(case, agent):
        both = [results.values(case, agent, value) for value in ("p50_us", "p99_us")]
        return " / ".join(number(statistics.median(one)) for one in both) if both[0] else "–"

    cases = [case for case in results.results if case.startswith(("list", "sign"))]
    rows = [[case, *(cell(case, agent) for agent in results.titles)] for case in cases]
    return table(["latency in µs, p50 / p99", *results.titles.values()], rows)


def pkcs11_table(results):
    cases = [case for case in results.results if case.startswith("pkcs11")]
    return comparison(results, "signatures per second, key on SoftHSM2", [(case, case, "rate", 1) for case in cases])


def cost_table(results):
    cases = [case for case in results.results if case.startswith(("keys", "connections"))]
    counts = [case.split()[1] for case in cases]
    rows = {}
    for case, value, title, unit, size, _ in COSTS:
        for count in counts if "{}" in case else [""]:
            name = case.format(count)
            if name in results.results:
                rows[name, value] = (f"{title.format(count)}, {unit}", name, value, size)
    return comparison(results, "less is better", list(rows.values()))


def target_rows(results):
    """Title, wanted, measured (or None), unit, whether it is met."""
    for case, rival, factor in RATE_TARGETS + PKCS11_TARGETS:
        ratio = results.ratio(case, rival)
        title = f"{case}, fob ÷ {'direct call' if rival == 'direct' else results.titles.get(rival, rival)}"
        yield title, f"≥ {factor} ×", ratio, "×", ratio is not None and ratio >= factor
    share = median_ratio(results.values("keys 10000", "fob"), results.values("keys 10", "fob"))
    met = share is not None and share >= MANY_KEYS_SHARE
    yield "sign with 10000 keys ÷ sign with 10", f"≥ {MANY_KEYS_SHARE} ×", share, "×", met
    for case, value, title, unit, size, most in COSTS:
        if most is not None:
            values = results.values(case.format(10000), "fob", value)
            cost = statistics.median(values) / size if values else None
            met = cost is not None and cost <= most
            yield title.format(10000), f"≤ {most} {unit}", cost, unit, met


def target_table(results):
    rows = []
    for title, wanted, measured, unit, met in target_rows(results):
        if measured is None:
            rows.append([title, wanted, "–", "not measured"])
        else:
            rows.append([title, wanted, f"{number(measured)} {unit}", "met" if met else "MISSED"])
    verdicts = [row[3] for row in rows]
    counts = [f"{verdicts.count(word)} {word}" for word in ("met", "MISSED", "not measured")]
    return table(["target", "wanted", "measured", ", ".join(counts)], rows)


def render(raw, kinds, machine, run, notes):
    results = Results(raw, [kind for kind in kinds if kind.name != "direct"])
    modules = Results(raw, [kind for kind in kinds if kind.name in ("fob", "openssh", "direct")])
    facts = [f"{name}: {value}" for name, value in machine.items()]
    facts += [f"{kind.title}: {kind.version}" for kind in kinds]
    rounds = f"{run['rounds']}, of {run['seconds']} s for each rate"
    facts.append(f"rounds: {rounds}; median (least–most)")
    if run["quick"]:
        facts.append("a quick run: too short to be quoted")
    facts += [f"note: {note}" for note in notes]
    tables = [target_table(results), rate_table(results), pkcs11_table(modules), latency_table(results)]
    tables.append(cost_table(results))
    return "\n".join(["".join(f"- {fact}\n" for fact in facts), *filter(None, tables)])


def write_markdown(path, text):
    """Replaces what is between the markers of an existing page, or writes a page of its own."""
    page = path.read_text() if path.exists() else ""
    if BEGIN in page and END in page:
        before, after = page.split(BEGIN)[0], page.split(END)[1]
        text = f"{before}{BEGIN}\n\n{text}\n{END}{after}"
    path.write_text(text)
