"""The grid shift against published points."""

import pytest

from simulator.geo import gcj02_to_wgs84, wgs84_to_gcj02

POINTS = {
    "Beijing": ((39.907333, 116.391083), (39.90873416, 116.39732405)),
    "Shanghai": ((31.2304, 121.4737), (31.22845774, 121.47822306)),
    "Guangzhou": ((23.1291, 113.2644), (23.12642334, 113.26972959)),
    "Shenzhen": ((22.5431, 114.0579), (22.54038281, 114.06301400)),
    "Harbin": ((45.8038, 126.5350), (45.80578153, 126.54104035)),
    "Tokyo": ((35.6895, 139.6917), (35.6895, 139.6917)),
}


@pytest.mark.parametrize("name", POINTS)
def test_a_point_shifts_and_comes_back(name: str) -> None:
    wgs84, gcj02 = POINTS[name]

    assert wgs84_to_gcj02(*wgs84) == pytest.approx(gcj02, abs=1e-8)
    assert gcj02_to_wgs84(*wgs84_to_gcj02(*wgs84)) == pytest.approx(wgs84, abs=2e-9)
