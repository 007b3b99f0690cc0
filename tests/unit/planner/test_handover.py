"""The handover sheet: everything on one page, and what to do first with real names in it."""

from __future__ import annotations

import json

from appliance.api.setup_words import handover_lines, proposal_lines
from appliance.kinds.registry import all_kinds
from appliance.model.handover import HostKey
from appliance.model.identity import IdentityFound
from appliance.model.link import LinkFound
from appliance.model.pool import MemberFound, PoolFound, RaidLevel, TierFound, TierName
from appliance.model.resource import Resource
from appliance.model.setup import ChassisSeen
from appliance.model.share import ShareFound
from appliance.model.snapshot import Host, NodeSnapshot
from appliance.model.verdict import Grade
from appliance.planner.handover import Facts, handover_of
from appliance.planner.proposal import propose
from appliance.planner.site import parse_site
from tests.unit.planner.test_layouts import NOW, hdds, judged

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIBbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb mary@desk"
FACTS = Facts("The lab chassis", "1.2.3", (HostKey(type="ssh-ed25519", fingerprint="SHA256:abc"),))
SITE = {
    "identity": {"node": {"hostname": "pacs1", "ntp": ["10.0.0.3"]}},
    "account": {"mary": {"keys": [KEY]}, "tom": {"role": "viewer", "password": "tom-login"}},
    "share": {"images": {"volume": "images", "nfs": {"clients": [{"address": "10.0.0.9"}]}}},
}


def node() -> NodeSnapshot:
    tier = TierFound(
        members=tuple(MemberFound(serial=f"H00{n}", pv="", pv_uuid=str(n)) for n in range(6)),
        raid=RaidLevel.RAID6, data_size=4 * 2**40,
    )  # fmt: skip
    return NodeSnapshot(
        host=Host(hostname="pacs1", profile="lab-12bay"),
        taken_at=NOW,
        disks=tuple(hdds(11)),
        found={
            "identity": {
                "node": IdentityFound(hostname="pacs1", timezone="Europe/Berlin", sources=None)
            },
            "link": {
                "lan": LinkFound(
                    interface="eno1", mac="52:54:00:00:00:01", files={"/x": "y"},
                    addresses=("10.0.0.5/24",),
                ),
                "eno2": LinkFound(interface="eno2", physical=True),
            },
            "pool": {"data": PoolFound(vg_uuid="x", tiers={TierName.CAPACITY: tier})},
            "share": {
                "images": ShareFound(
                    volume="images", device="/dev/x", filesystem="xfs", mounted=True, size=2**30
                ),
                "own": ShareFound(volume="own", device="/dev/y", filesystem="xfs", mounted=True),
            },
        },
    )  # fmt: skip


def sheet(site: dict[str, object] | None = None) -> list[str]:
    wanted: tuple[Resource, ...] = parse_site(all_kinds(), SITE if site is None else site)
    made = handover_of(node(), wanted, FACTS)
    return list(handover_lines(json.loads(made.model_dump_json())))


def test_everything_a_person_must_know_is_on_it() -> None:
    text = "\n".join(sheet())
    for words in (
        "HANDOVER SHEET  pacs1", "The lab chassis (lab-12bay), software 1.2.3", "Europe/Berlin",
        "time from 10.0.0.3", "lan   eno1       52:54:00:00:00:01  10.0.0.5/24", "SHA256:abc",
        "mary  admin   1         no", "tom   viewer  0         yes",
        "data  capacity  raid6  6      4 TiB   2 disks lost", "images  1 GiB  NFSv4 pacs1:/images",
        "on the node only: /srv/shares/own",
    ):  # fmt: skip
        assert words in text, text
    assert "eno2" not in text
    assert "Print this sheet" in text


def test_disks_stand_in_the_order_of_their_bays() -> None:
    rows = [line.split()[0] for line in sheet() if " H0" in line]
    assert rows == [str(number) for number in range(11)]


def test_what_to_do_first_names_this_node_and_its_admin() -> None:
    lines = sheet()
    first = lines[lines.index("What to do first") + 1 :]
    assert "appliance host trust ssh://mary@10.0.0.5 --fingerprint SHA256:abc" in first[0]
    assert any("appliance receiver create" in line for line in first)


def test_a_node_without_an_admin_says_so_first() -> None:
    lines = sheet({})
    first = lines[lines.index("What to do first") + 1 :]
    assert "appliance account create" in first[0]
    assert "People\n  none" in "\n".join(lines)


def test_a_recorded_chassis_is_not_called_unknown() -> None:
    chassis = ChassisSeen(profile="lab-12bay", title="x", score=0, bays=12)
    first = next(proposal_lines(json.loads(propose(chassis, node()).model_dump_json())))
    assert "as it was recorded" in first


def test_a_proposal_in_words() -> None:
    chassis = ChassisSeen(
        profile="generic", title="A machine no profile knows", score=0, bays=2, empty_bays=("2",)
    )
    verdicts = {
        "H003": judged(Grade.FAILING),
        **{f"H{number:03}": judged(Grade.WATCH) for number in range(5, 11)},
    }
    proposal = propose(chassis, node().model_copy(update={"verdicts": verdicts}))
    text = "\n".join(proposal_lines(json.loads(proposal.model_dump_json())))
    for words in (
        "unknown: no profile fits", "bays: 2; empty: 2", "11, of which 10 may go into a pool",
        "10 x 14.6 TiB SAS HDD", "not bay 3 (serial H003): Its health is failing", "(serial H008) and 2 more: Its health is worth", "<- recommended",
        "survives any 2 disks lost", "1 disk stays free",
    ):  # fmt: skip
        assert words in text, text
