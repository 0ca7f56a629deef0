"""Files as people get them wrong: campaigns, inventories, headers, run folders."""

from __future__ import annotations

from pathlib import Path

SCHEMA = "schema: slotlab.campaign/v1\n"
TITLED = SCHEMA + "title: t\n"
FAULT = TITLED + "timeline:\n - "
DELAY = FAULT + "{at: 20s, for: 5s, fault: delay, "
RACK = "all:\n  vars: {slotlab_lab: hardware}\n  children:\n    nodes:\n      hosts:\n"
BINARY = bytes(range(256)) * 4

FILES: dict[str, str | bytes] = {
    # no campaign at all
    "empty.yml": "",
    "tabs.yml": "schema:\tx\n\ttitle: y\n",
    "list.yml": "- a\n- b\n",
    "text.yml": "hello\n",
    "latin.yml": b"title: \xfc\n",
    "utf16.yml": b"\xff\xfes\x00",
    "binary.yml": BINARY,
    "nul.yml": b"schema: \x00\n",
    "deep.yml": "[" * 5000,
    "alias.yml": "a: &a [x]\nb: *c\n",
    "tag.yml": '!!python/object/apply:os.system ["touch pwned"]\n',
    "documents.yml": TITLED + "---\n" + TITLED,
    "merge.yml": "<<: 3\n",
    "huge.yml": TITLED + "seed: " + "9" * 5000 + "\n",
    "day.yml": TITLED + "seed: 2026-02-30\n",
    # its keys and values
    "schema.yml": "schema: slotlab.campaign/v9\ntitle: t\n",
    "noschema.yml": "title: t\n",
    "notitle.yml": SCHEMA,
    "key.yml": TITLED + "timelin: []\n",
    "twice.yml": TITLED + "title: u\n",
    "null.yml": TITLED + "timeline: null\n",
    "map.yml": TITLED + "timeline: {a: 1}\n",
    "many.yml": TITLED + "chain: {producers: 999}\n",
    "none.yml": TITLED + "chain: {producers: 0}\n",
    "word.yml": TITLED + "chain: {producers: four}\n",
    "half.yml": TITLED + "chain: {producers: 4.5}\n",
    "seed.yml": TITLED + "seed: -1\n",
    "wide.yml": TITLED + "seed: 99999999999999999999\n",
    "profile.yml": TITLED + "chain: {profile: tezos}\n",
    "assign.yml": TITLED + "chain: {assign: {n9: [producera]}}\n",
    "phase.yml": TITLED + "expect: {basline: {}}\n",
    "metric.yml": TITLED + "expect: {baseline: {finality: 3}}\n",
    "always.yml": TITLED + "expect: {always: [no_conflict]}\n",
    "rate.yml": TITLED + "load: {rate: 40}\n",
    "flood.yml": TITLED + "load: {rate: 9000000/s}\n",
    "size.yml": TITLED + "load: {rate: 1/s, size: 8GiB}\n",
    "norate.yml": TITLED + "load: {size: 1kB}\n",
    "tworates.yml": TITLED + "load: {rate: 1/s, ramp: {from: 1/s, to: 2/s}}\n",
    "longramp.yml": TITLED + "load: {ramp: {from: 1/s, to: 2/s, over: 9h}}\n",
    "noburst.yml": TITLED + "load: {rate: 1/s, burst: {rate: 9/s, for: 1s, every: 9h}}\n",
    "bursts.yml": TITLED + "load: {rate: 1/s, burst: {rate: 9/s, for: 1us, every: 2us}}\n",
    "longburst.yml": TITLED + "load: {rate: 1/s, burst: {rate: 9/s, for: 9s, every: 9s}}\n",
    "lowburst.yml": TITLED
    + "load: {ramp: {from: 1/s, to: 9/s}, burst: {rate: 9/s, for: 1s, every: 9s}}\n",
    "noflight.yml": TITLED + "load: {mode: closed}\n",
    "closedrate.yml": TITLED + "load: {mode: closed, in_flight: 4, rate: 1/s}\n",
    "openflight.yml": TITLED + "load: {rate: 1/s, in_flight: 4}\n",
    "openuntil.yml": TITLED + "load: {rate: 1/s, until: accepted}\n",
    "until.yml": TITLED + "load: {mode: closed, in_flight: 4, until: final}\n",
    "nonesflight.yml": TITLED + "load: {mode: closed, in_flight: 0}\n",
    "mixed.yml": TITLED + "load: {rate: 1/s, mix: {approve: 1%}}\nchain: {profile: bitshares}\n",
    "mixfio.yml": TITLED + "load: {rate: 1/s, mix: {vote: 1%}}\n",
    "mixall.yml": TITLED
    + "load: {rate: 1/s, mix: {vote: 60%, propose: 60%}}\nchain: {profile: bitshares}\n",
    "matrix.yml": TITLED + "matrix: {a: []}\n",
    "variable.yml": TITLED + 'load: {rate: "${x}"}\n',
    # its faults
    "fault.yml": FAULT + "{at: 20s, for: 5s, fault: partitoin}\n",
    "nofault.yml": FAULT + "{at: 20s}\n",
    "noat.yml": FAULT + "{for: 5s, fault: delay, delay: 80ms}\n",
    "entry.yml": FAULT + "hello\n",
    "dely.yml": DELAY + "dely: 80ms}\n",
    "latency.yml": DELAY + "latency: 80ms}\n",
    "bare.yml": DELAY + "delay: 80}\n",
    "unit.yml": DELAY + "delay: 80mss}\n",
    "bytes.yml": DELAY + "delay: 80MB}\n",
    "both.yml": DELAY + "delay: 80ms, rtt: 3ms}\n",
    "back.yml": DELAY + "delay: 80ms, jitter: 1ms, back: 3ms}\n",
    "backtrip.yml": DELAY + "rtt: 80ms, back: 3ms}\n",
    "noforth.yml": DELAY + "delay: 0ms, back: 3ms}\n",
    "negative.yml": FAULT + "{at: 20s, for: -5s, fault: pause, on: one}\n",
    "share.yml": FAULT + "{at: 20s, for: 5s, fault: loss, share: 200%}\n",
    "host.yml": FAULT + "{at: 20s, fault: kill, on: n9}\n",
    "selector.yml": FAULT + "{at: 20s, fault: kill, on: minorty}\n",
    "same.yml": FAULT + "{at: 20s, fault: kill, on: same(x)}\n",
    "early.yml": FAULT + "{at: 1s, fault: kill, on: one}\n",
    "lie.yml": FAULT + "{at: 20s, for: 5s, fault: byzantine, on: one, strategy: lat}\n",
    # inventories
    "rack.yml": RACK
    + "        n1: {ansible_host: 127.0.0.1, ansible_port: 9, slotlab_address: 192.0.2.1}\n"
    + "        n2: {ansible_host: 127.0.0.1, ansible_port: 9, slotlab_address: 192.0.2.2}\n",
    "i_empty.yml": "",
    "i_list.yml": "- n1\n",
    "i_tabs.yml": "all:\n\thosts: {}\n",
    "i_ini.ini": "[nodes]\nn1\n",
    "i_binary.yml": BINARY,
    "i_hosts.yml": "all: {children: {nodes: {hosts: {}}}}\n",
    "i_twice.yml": RACK + "        n1: {slotlab_zone: a}\n        n1: {slotlab_zone: b}\n",
    "i_key.yml": RACK + "        n1: {slotlab_adress: 192.0.2.1}\n",
    "i_address.yml": RACK + "        n1: {slotlab_address: 300.1.1.1}\n",
    "i_port.yml": RACK + "        n1: {slotlab_address: 192.0.2.1, slotlab_node_port: 99999}\n",
    "i_lab.yml": "all: {vars: {slotlab_lab: rack}, hosts: {n1: {slotlab_address: 192.0.2.1}}}\n",
    # what inspect, lab init and lab up read
    "host.json": '{"timestamp": 5}',
    "cut.json": '{"a":',
    "list.json": "[]",
    "three.json": "3",
    "hosts.txt": b"\xff\n",
    "topology.yml": "schema: nope\n",
    # run folders
    "broken/plan.json": "{",
    "other/plan.json": '{"campaign": 3}',
    "noise/plan.json": BINARY,
}


def write(folder: Path) -> None:
    """Write them all, and an empty folder `folder`."""
    for name, content in FILES.items():
        path = folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    (folder / "folder").mkdir()
