"""A chain of N steps that do nothing, in LangGraph with its SQLite checkpointer, durability "sync".

Prints the milliseconds that the chain took, without the time to build the graph. Run by `make bench-peers`.
"""

import sqlite3
import sys
import time
from typing import TypedDict

from langgraph.checkpoint.sqlite import SqliteSaver
from langgraph.graph import END, START, StateGraph


class State(TypedDict):
    done: int


def main() -> None:
    steps, file = int(sys.argv[1]), sys.argv[2]
    graph = StateGraph(State)
    for at in range(steps):
        graph.add_node(f"s{at}", lambda state: {"done": state["done"] + 1})
        graph.add_edge(START if at == 0 else f"s{at - 1}", f"s{at}")
    graph.add_edge(f"s{steps - 1}", END)
    saver = SqliteSaver(sqlite3.connect(file, check_same_thread=False))
    app = graph.compile(checkpointer=saver)
    config = {"configurable": {"thread_id": "bench"}, "recursion_limit": steps + 10}
    start = time.perf_counter()
    state = app.invoke({"done": 0}, config, durability="sync")
    took = time.perf_counter() - start
    assert state["done"] == steps, state
    print(f"{took * 1000:.0f}")


main()
