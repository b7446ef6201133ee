#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""Prints everybody's events, a JSON object each: the family as a client sees it that knows but its
specification, prefork.yaml beside this file. Needs CAP_SYS_ADMIN, and pyroute2 (python3-pyroute2)."""
import json
import pathlib

import yaml
from pyroute2.netlink import genlmsg
from pyroute2.netlink.generic import GenericNetlinkSocket

spec = yaml.safe_load((pathlib.Path(__file__).parent / "prefork.yaml").read_text())
attributes = next(s for s in spec["attribute-sets"] if s["name"] == "prefork")["attributes"]
types = {"u32": "uint32", "u64": "uint64", "string": "asciiz", "flag": "flag"}
events = {o["value"]: o["name"].removeprefix("event-")
          for o in spec["operations"]["list"] if "event" in o}


class Message(genlmsg):
    nla_map = [("unspec", "none")] + [(a["name"], types.get(a["type"], "hex")) for a in attributes]


socket = GenericNetlinkSocket()
socket.bind(spec["name"], Message)
for group in spec["mcast-groups"]["list"]:
    socket.add_membership(group["name"])
print("subscribed", flush=True)
while True:
    for message in socket.get():
        if message["cmd"] in events:
            print(json.dumps({"event": events[message["cmd"]], **dict(message["attrs"])}), flush=True)
