"""The stages in order: from motion, or from a network of one's own, to a law and what may be claimed of it."""

from lagsym.discovery.particles import Discovery, DiscoveryOptions, discover

__all__ = ["Discovery", "DiscoveryOptions", "discover"]
