"""A bare aiohttp client, as one would write it by hand: what liftlab is measured against.

    python _bare_aiohttp.py URL JSON-OPTIONS

It stamps before the call, at the first bytes of the body and at its end, keeps five fields a
request, and prints them as JSON lines when all is over.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from typing import Any

import aiohttp


async def main(url: str, options: dict[str, Any]) -> None:
    """Send the requests and print what was stamped."""
    count, concurrency, rate = options["count"], options["concurrency"], options.get("rate")
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(connector=connector) as session:
        rows: list[dict[str, Any]] = []

        async def send(number: int, planned_ns: int | None = None) -> None:
            row = {"request_id": f"bare-{number}", "planned_ns": planned_ns}
            headers = {"content-type": "application/json", "x-request-id": row["request_id"]}
            row["sent_ns"] = time.perf_counter_ns()
            async with session.post(url, data=options["body"], headers=headers) as response:
                first_ns = None
                async for _ in response.content.iter_any():
                    first_ns = first_ns or time.perf_counter_ns()
            row["first_ns"], row["last_ns"] = first_ns, time.perf_counter_ns()
            if number >= 0:
                rows.append(row)

        await asyncio.gather(*(send(-1 - number) for number in range(concurrency)))
        started_ns = time.perf_counter_ns()
        if rate is None:
            waiting = iter(range(count))

            async def work() -> None:
                for number in waiting:
                    await send(number)

            await asyncio.gather(*(work() for _ in range(concurrency)))
        else:
            await paced(send, options["plan"])
        seconds = (time.perf_counter_ns() - started_ns) / 1e9
    print(json.dumps({"seconds": seconds, "began_ns": BEGAN_NS}))
    sys.stdout.writelines(json.dumps(row) + "\n" for row in rows)


async def paced(send: Any, plan: list[float]) -> None:
    """Send at planned moments, waiting as liftlab waits."""
    from liftlab.timing.pace import Pacer

    zero_ns = time.perf_counter_ns() + 50_000_000
    tasks = []
    with Pacer() as pacer:
        for number, moment_s in enumerate(plan):
            planned_ns = zero_ns + round(moment_s * 1e9)
            await pacer.until(planned_ns)
            tasks.append(asyncio.create_task(send(number, planned_ns)))
    await asyncio.gather(*tasks)


if __name__ == "__main__":
    BEGAN_NS = time.perf_counter_ns()
    asyncio.run(main(sys.argv[1], json.loads(sys.argv[2])))
