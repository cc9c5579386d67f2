"""How often the long tests loop: one table for Rust and Python, `tests/scale.toml`."""

import os
import tomllib
from pathlib import Path

TABLE = Path(__file__).resolve().parent.parent / "tests" / "scale.toml"


def scale(name):
    return tomllib.loads(TABLE.read_text())[name][os.environ.get("SEMBLA_TEST_SCALE", "small")]
