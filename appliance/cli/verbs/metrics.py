"""appliance metrics: numbers for Prometheus.

On a node they serve node_exporter's textfile collector: appliance metrics > NAME.prom
"""

from __future__ import annotations

import argparse
import sys

from appliance.api import paths
from appliance.cli.parsing import Parser, parser_for
from appliance.cli.session import Session


def parser() -> Parser:
    """The noun's parser."""
    top = parser_for("metrics", "Numbers for Prometheus, as text.", "appliance metrics")
    top.set_defaults(run=_metrics)
    return top


def _metrics(session: Session, arguments: argparse.Namespace) -> int:
    del arguments
    text = session.fetch_text(paths.METRICS)
    if session.as_json:
        session.print_json({"text": text})
    else:
        sys.stdout.write(text)
    return 0
