"""The map that forgets what was not used for longest."""

from apps.core.lru_cache import LruCache


def test_what_was_not_used_for_longest_goes_first():
    cache = LruCache(maxsize=2)
    cache.put("a", 1)
    cache.put("b", 2)
    assert cache.get("a") == 1
    cache.put("c", 3)
    assert [cache.get(key) for key in "abc"] == [1, None, 3]
    cache.put("a", 4)
    cache.put("d", 5)
    assert [cache.get(key) for key in "acd"] == [4, None, 5]


def test_removed_entries_are_gone():
    cache = LruCache(maxsize=2)
    cache.put("a", 1)
    cache.remove("a")
    cache.remove("a")
    assert cache.get("a") is None
    cache.put("b", 2)
    cache.clear()
    assert cache.items() == []
