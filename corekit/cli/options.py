"""What several commands take: the same option means the same everywhere."""

from __future__ import annotations

import click

from corekit.registry import KINDS

kind = click.option("--kind", type=click.Choice(KINDS), help="Only components of this kind.")
as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")
