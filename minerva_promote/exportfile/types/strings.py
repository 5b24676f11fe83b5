"""Strings of characters, bytes and bits, and addresses (varchar.c, varlena.c, varbit.c, network.c)."""

from __future__ import annotations

import re
import struct
from binascii import unhexlify
from collections.abc import Callable

from minerva_promote.exportfile.value_faults import ValueFault, excerpt

_HEX = re.compile(rb"(?:[0-9a-fA-F]{2})*")
_ESCAPED = re.compile(rb"\\(?:\\|([0-3][0-7]{2})|(.?))", re.DOTALL)
_BITS = re.compile(rb"[bB]?([01]*)")
_HEX_BITS = re.compile(rb"[xX]([0-9a-fA-F]*)")
_MAC = re.compile(rb"(?:[0-9a-fA-F]{2}:){5}[0-9a-fA-F]{2}")
_NAME_BYTES = 63


def character(length: int) -> Callable[[bytes], bytes]:
    """A reader of character(length): filled with blanks; blanks beyond it are dropped, as the server does."""

    def read(text: bytes) -> bytes:
        characters = text.decode()
        if len(characters.rstrip(" ")) > length and len(characters) > length:
            kept = characters[:length]
            if characters[length:].strip(" "):
                message = f"{len(characters.rstrip(' ')):,} characters, at most {length:,}"
                raise ValueFault("too-long-text", message, "shorten it")
            return kept.encode()
        return characters[:length].ljust(length).encode()

    return read


def blank_padded(text: bytes) -> bytes:
    """bpchar without a length: the text as it is."""
    return text


def name(text: bytes) -> bytes:
    """An identifier; one that would be cut off is refused."""
    if len(text) > _NAME_BYTES:
        raise ValueFault("too-long-text", f"{len(text):,} bytes, a name has at most {_NAME_BYTES}", "shorten it")
    return text


def bytea(text: bytes) -> bytes:
    r"""The bytes of ``\xdeadbeef``, or of the older form with ``\\`` and ``\ooo``."""
    if text[:2] == b"\\x":
        if not _HEX.fullmatch(text, 2):
            raise ValueFault("bytea", f"{excerpt(text)} is not hexadecimal", "write \\x and two digits a byte")
        return unhexlify(text[2:])

    def byte(match: re.Match[bytes]) -> bytes:
        if match[1] is not None:
            return bytes([int(match[1], 8)])
        if match[2] is not None:
            raise ValueFault("bytea", f"{excerpt(match[0])} is no escape of bytea", "write \\\\ or \\ooo, or \\x…")
        return b"\\"

    return _ESCAPED.sub(byte, text)


def bits(length: int | None, *, varying: bool) -> Callable[[bytes], bytes]:
    """A reader of bit(length), or of bit varying of at most this length: their number (32 bits), and the bits."""

    def read(text: bytes) -> bytes:
        if match := _HEX_BITS.fullmatch(text):
            digits = "".join(f"{int(digit, 16):04b}" for digit in match[1].decode())
        elif match := _BITS.fullmatch(text):
            digits = match[1].decode()
        else:
            raise ValueFault("bits", f"{excerpt(text)} is not a string of bits", "write zeros and ones")
        if length is not None and (len(digits) > length if varying else len(digits) != length):
            wanted = f"at most {length:,}" if varying else f"must be {length:,}"
            raise ValueFault("bits", f"{len(digits):,} bits, {wanted}", "give as many as the column has")
        padded = digits.ljust(-(-len(digits) // 8) * 8, "0")
        return struct.pack(">i", len(digits)) + (int(padded, 2).to_bytes(len(padded) // 8, "big") if padded else b"")

    return read


def address(*, network: bool) -> Callable[[bytes], bytes]:
    """A reader of inet, or of cidr (``network``): family, length of the prefix, kind, size, address."""

    def read(text: bytes) -> bytes:
        import ipaddress

        what = "cidr" if network else "inet"
        try:
            interface = ipaddress.ip_interface(text.decode())
        except ValueError:
            raise ValueFault(
                "address", f"{excerpt(text)} is not an address", f"write a whole {what}: 10.0.0.1/24"
            ) from None
        if b"/" in text and not text.rpartition(b"/")[2].isdigit():
            raise ValueFault("address", f"{excerpt(text)} has no number of bits", "write 10.0.0.1/24")
        if b"%" in text:
            raise ValueFault("address", f"{excerpt(text)} names a zone", "write it without")
        if network and interface.ip != interface.network.network_address:
            raise ValueFault(
                "address", f"{excerpt(text)} has bits to the right of its mask", "write the network's address"
            )
        packed = interface.ip.packed
        family = 2 if interface.version == 4 else 3
        return bytes((family, interface.network.prefixlen, int(network), len(packed))) + packed

    return read


def mac_address(text: bytes) -> bytes:
    """Six bytes."""
    if not _MAC.fullmatch(text):
        raise ValueFault("address", f"{excerpt(text)} is not a MAC address", "write 08:00:2b:01:02:03")
    return unhexlify(text.replace(b":", b""))
