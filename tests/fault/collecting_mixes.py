# SPDX-License-Identifier: MIT
"""What clients, the collector and signals do how often. All times are in graces.

`all` is the campaign; each of the others aims at one renewal, to find soon that it is missing (mutants.txt says which).
"""


class All:
    pushers, reusers = 16, 8  # of the pushers
    pool = 200                # layers that all share
    indexers, deleters, retaggers, verifiers = 0, 4, 4, 3
    #: (least, most, weight): how long the blobs of an image are there before its manifest is pushed.
    waits = ((0, 0, 30), (0, 0.5, 20), (0.5, 0.97, 35), (1, 1.6, 15))
    slow, slow_for = 0.06, (0.2, 1.6)  # uploads whose end comes so much later than their bytes
    dropped = 0.25                     # images whose manifest is never pushed
    head, mount, any = 45, 45, 10      # weights: how layers are used again, of what no manifest names, or any
    ages = (0, 4)                      # since when nobody has used it
    lone = False                       # whether it may not be in two repositories
    at_home = 0.5                      # images that begin where such a layer is
    indexes, signatures = 0.12, 0.06   # of what is pushed
    images = 70                        # that deleters leave alone
    rude = 0.15                        # deletions that are of blobs, which somebody may be about to use
    killed, stopped = 0.15, 0.15       # runs of the collector
    gc = ()                            # more words for it
    hurt = ("manifest", "blob", "upload")       # whose workers are killed and stopped
    stops = (0.02, 0.1, 0.2, 0.4, 0.6, 1.6)     # how long at most; requests wait 5 s for a lock


class Head(All):
    """What is there is asked for, and used almost a grace later."""

    reusers, head, mount, any, at_home = 14, 1, 0, 0, 1
    waits, dropped, indexes, signatures = ((0.6, 0.96, 1),), 0.4, 0, 0
    killed, stopped = 0, 0.6


class Mount(All):
    """It is mounted instead, once its lease is over, while a collector is stopped that has passed the repository. No
    other link may hold its bytes."""

    reusers, head, mount, any, at_home, ages = 8, 0, 1, 0, 0, (1.2, 1.8)
    lone, pool, images, waits, dropped, indexes, signatures = True, 2000, 40, ((0.3, 0.96, 1),), 0.6, 0, 0
    killed, stopped, stops = 0, 1, (0.4, 0.8, 1.2)


class Late(All):
    """Manifests come when nothing holds their blobs any more, into a collector that was stopped on its way."""

    reusers, waits, dropped, indexes, signatures = 0, ((1.15, 1.7, 1),), 0, 0, 0
    retaggers, killed, stopped, slow = 0, 0, 1, 0


class Slow(All):
    """The bytes of a blob are older than the lease it gets."""

    reusers, slow, slow_for, waits = 0, 0.7, (1.3, 1.6), ((0.1, 0.9, 1),)
    indexes = signatures = 0


class Frozen(All):
    """Manifests whose worker is stopped longer than the leases last, between its steps."""

    hurt, stops, killed, reusers, head, mount = ("manifest",), (3,), 0.5, 16, 1, 1
    waits, indexes, signatures, retaggers = ((0, 0.3, 1),), 0, 0, 1


class Untagged(All):
    """Parts of an index are pushed without tags and asked for before they run out; the collector removes what has none."""

    indexers, pushers, reusers, deleters, retaggers = 12, 0, 0, 0, 0
    asked_after, named_after = (0.85, 0.99), (0.6, 0.96)
    killed, gc = 0, ("--untagged", "1s", "--yes")


class Parts(Untagged):
    """The index comes when the leases of its parts have run out, into a collector that was stopped on its way."""

    asked_after, named_after = (0, 0.1), (1.15, 1.7)
    stopped = 1


MIXES = {"all": All, "head": Head, "mount": Mount, "late": Late, "slow": Slow, "frozen": Frozen, "untagged": Untagged,
         "parts": Parts}
