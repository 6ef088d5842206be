"""Order the vectors of a graph so that those compared one after the other are close in memory.

A search of a graph compares the neighbors of the best vector found, then those of the next best,
and so on. In the order in which vectors were added, neighbors are anywhere in memory, so that most
comparisons wait for it. In breadth-first order, the neighbors of a vector are mostly side by side,
next to those of the vectors around it. Positions change, but no neighbor and no answer does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from indexer.arrays import Positions

_BLOCK = 1 << 16  # vectors whose neighbors are read at once, which bounds the memory


def reorder_graph(index: Any) -> Positions:
    """Renumber the vectors of FAISS's HNSW ``index`` breadth-first; return the order (n,).

    Position ``i`` then has the vector that was at position ``order[i]``. Needs as much memory as
    the index until it returns.
    """
    order = _breadth_first(index)
    if len(order):
        index.permute_entries(order)
    return order


def _breadth_first(index: Any) -> Positions:
    """Return the positions of a graph breadth-first from its entry point: (n,).

    Uses the lowest layer, which has all vectors. Those that the entry point does not lead to come
    last, in their present order.
    """
    from faiss import rev_swig_ptr

    seen = np.zeros(index.ntotal, dtype=np.bool_)
    if not len(seen):
        return np.empty(0, dtype=np.int64)
    graph = index.hnsw
    links = rev_swig_ptr(graph.neighbors.data(), graph.neighbors.size())  # of all layers
    starts = rev_swig_ptr(graph.offsets.data(), graph.offsets.size())  # (n + 1,), into links
    lowest = np.arange(graph.nb_neighbors(0), dtype=np.uint64)  # the lowest layer comes first
    blocks = [np.array([graph.entry_point], dtype=np.int64)]
    seen[graph.entry_point] = True
    for block in blocks:  # grows meanwhile
        near = links[starts[block][:, None] + lowest].ravel()  # -1 where there is no neighbor
        near = near[near >= 0]
        near = near[~seen[near]]
        first = np.unique(near, return_index=True)[1]
        found = near[np.sort(first)].astype(np.int64)
        seen[found] = True
        blocks += [found[at : at + _BLOCK] for at in range(0, len(found), _BLOCK)]
    return np.concatenate([*blocks, np.flatnonzero(~seen)])
