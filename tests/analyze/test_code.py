"""Whose code a path is. Knows paths of many machines, not this one's."""

from __future__ import annotations

import pytest

from tracekit.analyze.code import Library, Owner, library, owner


@pytest.mark.parametrize(
    ("file", "whose"),
    [
        ("/home/me/app/main.py", Owner.USER),
        ("main.py", Owner.USER),
        ("<string>", Owner.USER),
        ("/home/me/lib/tools.py", Owner.USER),
        ("/usr/lib/python3.11/asyncio/tasks.py", Owner.STANDARD),
        ("/opt/python/lib/python3.13t/threading.py", Owner.STANDARD),
        ("/usr/lib64/python3.12/json/decoder.py", Owner.STANDARD),
        ("/usr/lib/python311.zip/asyncio/tasks.py", Owner.STANDARD),
        ("<frozen importlib._bootstrap>", Owner.STANDARD),
        ("/home/me/venv/lib/python3.11/site-packages/aiohttp/client.py", Owner.LIBRARY),
        ("/usr/lib/python3/dist-packages/yaml/loader.py", Owner.LIBRARY),
        ("C:\\Users\\me\\venv\\Lib\\site-packages\\aiohttp\\client.py", Owner.LIBRARY),
    ],
)
def test_owner(file, whose) -> None:
    """Installed code is a library's, Python's own folder the standard library's, all else the user's."""
    assert owner(file) is whose


def test_library_with_its_version(tmp_path) -> None:
    """A library is named as it is imported, with the version that its dist-info bears."""
    packages = tmp_path / "site-packages"
    (packages / "Shop.Lib-2.0.1.dist-info").mkdir(parents=True)
    (packages / "shop-1.0.dist-info").mkdir()
    assert library(f"{packages}/shop_lib/client.py") == Library("shop_lib", "2.0.1")
    assert library(f"{packages}/shop.py") == Library("shop", "1.0")


def test_library_of_another_machine() -> None:
    """Where the library is not installed here, its version is not made up."""
    assert library("/nowhere/site-packages/shop/client.py") == Library("shop", "")
    assert library("/home/me/app/main.py") is None
