"""Which addresses may be fetched: public ones, and nothing of the own machine, network or cloud."""

from __future__ import annotations

import socket
from collections.abc import Collection, Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Any

from aiohttp.abc import AbstractResolver, ResolveResult

from knowledge.errors import FetchRefused

Network = IPv4Network | IPv6Network
_NAT64 = (ip_network("64:ff9b::/96"), ip_network("64:ff9b:1::/48"))  # RFC 6052, RFC 8215

# Not public, though some versions of Python call them global; 192.0.0.192 is a cloud's metadata.
_NEVER = tuple(map(ip_network, ("192.0.0.0/24", "100.64.0.0/10", "198.18.0.0/15", "2001:db8::/32", "2002::/16")))


class Guard:
    """Tells public addresses from others; `allowed` networks are public as well, for sites of the own network."""

    def __init__(self, allowed: Collection[Network] = ()) -> None:
        self._allowed = tuple(allowed)

    def check(self, address: str) -> None:
        """Refuse an address that is not public.

        Raises:
            FetchRefused: loopback, private, link-local, metadata, multicast, reserved, or an IPv6 form of one.
        """
        found = ip_address(address.partition("%")[0])
        if any(found.version == network.version and found in network for network in self._allowed):
            return
        for inner in _inside(found) or (found,):
            named = any(inner.version == network.version and inner in network for network in _NEVER)
            if named or not inner.is_global or inner.is_multicast or inner.is_reserved or inner.is_unspecified:
                raise FetchRefused(f"{address} is not a public address", document="")

    def open_socket(self, target: tuple[Any, Any, int, str, Any]) -> socket.socket:
        """Open the socket for a connection: the last look at the address that is really connected to."""
        family, kind, protocol, _, address = target
        self.check(str(address[0]))
        return socket.socket(family, kind, protocol)


def _inside(address: IPv4Address | IPv6Address) -> Sequence[IPv4Address]:
    """Return the IPv4 addresses that an IPv6 address stands for."""
    if isinstance(address, IPv4Address):
        return ()
    found = [address.ipv4_mapped, *(address.teredo or ())]
    if any(address in network for network in _NAT64):
        found.append(IPv4Address(int(address) & 0xFFFFFFFF))
    return [inner for inner in found if inner is not None]


class CheckedResolver(AbstractResolver):
    """Resolves names and hands on only answers that are public; connections go to just those addresses."""

    def __init__(self, guard: Guard, resolver: AbstractResolver) -> None:
        self._guard = guard
        self._resolver = resolver

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """Resolve a name; one address that is not public refuses the name as a whole."""
        found = await self._resolver.resolve(host, port, family)
        for one in found:
            self._guard.check(one["host"])
        return found

    async def close(self) -> None:
        """Close the resolver underneath."""
        await self._resolver.close()
