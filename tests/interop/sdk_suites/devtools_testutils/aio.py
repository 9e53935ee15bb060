"""The harness of asynchronous tests."""

import functools

from devtools_testutils import recorded_by_proxy


def recorded_by_proxy_async(test):
    """Runs a test as it is."""
    run_it = recorded_by_proxy(test)

    @functools.wraps(test)
    async def run(*arguments, **given):
        return await run_it(*arguments, **given)

    return run
