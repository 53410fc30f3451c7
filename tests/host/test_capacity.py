from __future__ import annotations

from lite_env.host import capacity
from lite_env.host.capacity import KERNEL_MEMORY, available_memory, kernels_at_once

MEBIBYTE = 1 << 20


def write(root, path, text):
    (root / path).parent.mkdir(parents=True, exist_ok=True)
    (root / path).write_text(text)


def system(root, *, free, groups=""):
    write(root, "proc/meminfo", f"MemTotal: 99999999 kB\nMemFree: 1 kB\nMemAvailable: {free // 1024} kB\n")
    write(root, "proc/self/cgroup", groups)
    return root


def test_what_the_system_has_left_counts(tmp_path):
    assert available_memory(system(tmp_path, free=500 * MEBIBYTE)) == 500 * MEBIBYTE


def test_the_tightest_control_group_around_the_process_counts(tmp_path):
    root = system(tmp_path, free=9000 * MEBIBYTE, groups="0::/user/job\n")
    write(root, "sys/fs/cgroup/user/job/memory.max", "max\n")
    write(root, "sys/fs/cgroup/user/job/memory.current", "1\n")
    assert available_memory(root) == 9000 * MEBIBYTE
    write(root, "sys/fs/cgroup/user/memory.max", str(800 * MEBIBYTE))
    write(root, "sys/fs/cgroup/user/memory.current", str(700 * MEBIBYTE))
    assert available_memory(root) == 100 * MEBIBYTE
    # What files take of it would be given up first.
    write(root, "sys/fs/cgroup/user/memory.stat", f"anon 1\ninactive_file {50 * MEBIBYTE}\n")
    assert available_memory(root) == 150 * MEBIBYTE


def test_a_container_of_either_version_counts(tmp_path):
    root = system(tmp_path, free=9000 * MEBIBYTE, groups="4:cpu:/x\n3:cpuset,memory:/docker/abc\n")
    write(root, "sys/fs/cgroup/memory/memory.limit_in_bytes", str(300 * MEBIBYTE))
    write(root, "sys/fs/cgroup/memory/memory.usage_in_bytes", str(400 * MEBIBYTE))
    assert available_memory(root) == 0
    other = system(tmp_path / "v2", free=9000 * MEBIBYTE, groups="0::/\n")
    write(other, "sys/fs/cgroup/memory.max", str(300 * MEBIBYTE))
    write(other, "sys/fs/cgroup/memory.current", "0")
    assert available_memory(other) == 300 * MEBIBYTE


def test_there_are_as_many_kernels_as_cores_and_memory_allow_and_at_least_one(monkeypatch):
    monkeypatch.setattr(capacity, "cores", lambda: 8)
    for free, expected in ((99 * KERNEL_MEMORY, 8), (3 * KERNEL_MEMORY + 1, 3), (10, 1), (None, 8)):
        monkeypatch.setattr(capacity, "available_memory", lambda free=free: free)
        assert kernels_at_once() == expected
    assert kernels_at_once(5) == 5
