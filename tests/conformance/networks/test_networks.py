"""The networks' tables, against worked-examples.md and published totals."""

import pytest

from conformance.networks.counting import images, table
from conformance.networks.known import NETWORKS

# Output, weights of one neuron, neurons, connections, parameters: the table of the worked examples.
COUNTED = {
    ("dqn", "conv1"): ((20, 20, 16), 257, 6400, 1644800, 4112),
    ("dqn", "conv2"): ((9, 9, 32), 257, 2592, 666144, 8224),
    ("dqn", "fc"): ((1, 1, 256), 2593, 256, 663808, 663808),
    ("dqn", "actions"): ((1, 1, 18), 257, 18, 4626, 4626),
    ("lenet-5", "c1"): ((28, 28, 6), 26, 4704, 122304, 156),
    ("lenet-5", "c3"): ((10, 10, 16), 151, 1600, 241600, 2416),
    ("lenet-5", "c5"): ((1, 1, 120), 401, 120, 48120, 48120),
    ("lenet-5", "f6"): ((1, 1, 84), 121, 84, 10164, 10164),
    ("lenet-5", "output"): ((1, 1, 10), 85, 10, 850, 850),
}


@pytest.mark.parametrize(("network", "layer"), COUNTED)
def test_layers_are_counted_as_in_the_worked_examples(network: str, layer: str) -> None:
    """Every figure of the table."""
    (row,) = (row for row in table(NETWORKS[network]) if row.layer.name == layer)
    counted = row.counted

    figures = (counted.output, counted.weights, counted.neurons, counted.connections, counted.parameters)
    assert figures == COUNTED[network, layer]


def test_pools_of_lenet_halve_its_maps() -> None:
    """28 to 14, 10 to 5."""
    outputs = {row.layer.name: row.counted.output for row in table(NETWORKS["lenet-5"])}

    assert outputs["s2"] == (14, 14, 6)
    assert outputs["s4"] == (5, 5, 16)


def test_vgg_has_its_published_parameters() -> None:
    """14,714,688 in the 13 convolutions (138,357,544 with the three fully connected layers' 123,642,856)."""
    assert sum(row.counted.parameters for row in table(NETWORKS["vgg-16"])) == 14714688


def test_the_mirror_leads_back_to_pixels() -> None:
    """Each image on the way back has the size of the one on the way there."""
    there_and_back = images(NETWORKS["vgg-16-mirror"])

    assert there_and_back == there_and_back[::-1]
    assert there_and_back[18] == (7, 7, 512)


def test_fcn_upsamples_to_more_than_its_image() -> None:
    """(16 - 1) * 32 + 64 = 544, of which 500 are kept."""
    assert images(NETWORKS["fcn-32s"])[1:] == [(16, 16, 4096), (16, 16, 4096), (16, 16, 21), (544, 544, 21)]


def test_the_generator_doubles_its_sides() -> None:
    """From one pixel of 100 channels to 64x64 of three."""
    sides = [image[0] for image in images(NETWORKS["dcgan"])]

    assert sides == [1, 4, 8, 16, 32, 64]


def test_resnets_stages_have_their_published_sides() -> None:
    """112 after the stem, 56 after the pool and in stage 2, then 28, 14, 7."""
    sides = {row.layer.name: row.counted.output for row in table(NETWORKS["resnet-50"])}

    assert sides["conv1"] == (112, 112, 64)
    assert [sides[f"conv{stage}_1c"] for stage in (2, 3, 4, 5)] == [
        (56, 56, 256),
        (28, 28, 512),
        (14, 14, 1024),
        (7, 7, 2048),
    ]


def test_the_figures_that_texts_print_wrongly_are_named() -> None:
    """41600 for 241600, and 10164 for 850."""
    first, second = NETWORKS["lenet-5"].errors

    assert "241600" in first
    assert "41600" in first
    assert "850" in second
    assert "10164" in second


def test_u_net_comes_back_to_the_odd_sides_that_it_met() -> None:
    """75 to 38, 19, 10 and 5 and back; 53 to 27, 14, 7 and 4; beside what comes up stand as many channels again."""
    rows = {row.layer.name: row for row in table(NETWORKS["u-net"])}
    sides = [(5, 4), (10, 7), (19, 14), (38, 27), (75, 53)]

    assert [rows[f"conv{level}_2"].counted.output[:2] for level in (5, 4, 3, 2, 1)] == sides
    assert [rows[f"up{level}"].counted.output[:2] for level in (4, 3, 2, 1)] == sides[1:]
    assert [rows[f"back{level}_1"].input[2] for level in (4, 3, 2, 1)] == [1024, 512, 256, 128]


def test_u_net_has_its_parameters() -> None:
    """
    31,030,658, with a bias for each filter.

    By level w of 64 to 1024: down 9 (v + w) w + 2 w of v channels before; up 4 (2 w) w + w, 9 (2 w + w) w + 2 w; 130.
    """
    down = sum(9 * (v + w) * w + 2 * w for v, w in [(1, 64), (64, 128), (128, 256), (256, 512), (512, 1024)])
    upwards = sum(4 * 2 * w * w + w + 9 * 3 * w * w + 2 * w for w in (64, 128, 256, 512))

    assert sum(row.counted.parameters for row in table(NETWORKS["u-net"])) == down + upwards + 130 == 31030658


def test_mobilenet_has_the_weights_of_its_paper() -> None:
    """
    4.2 million: 864 of the stem, 9 for each of 4,960 channels, 3,139,584 of the 1x1 layers, 1,025,000 of the last.

    The last depthwise layer sees 7x7 of 1,024 channels.
    """
    rows = {row.layer.name: row for row in table(NETWORKS["mobilenet"])}

    assert sum(row.counted.parameters for row in rows.values()) == 864 + 9 * 4960 + 3139584 + 1025000
    assert rows["conv13_dw"].counted.output == (7, 7, 1024)
    assert rows["conv13_dw"].filters == (3, 3, 1024, 1)
