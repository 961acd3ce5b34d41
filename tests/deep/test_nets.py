"""Laws of the networks, and the parameter counts that the papers print."""

from functools import partial

import pytest

torch = pytest.importorskip("torch")

from torch import nn  # noqa: E402

from maxmargin._checks import InputError  # noqa: E402
from maxmargin.deep.heads import find_head  # noqa: E402
from maxmargin.deep.nets import NETS, GogosAutoencoder, HeadedNet, LayerStack, build_net  # noqa: E402
from maxmargin.deep.nets.autoencoder import DoublingConvolution  # noqa: E402
from maxmargin.nn.heads import LargeMarginSoftmaxLinear, SVMLinear  # noqa: E402

PRINTED_SHAPES = {
    "mlp": (20,),
    "tang-mnist": (70,),
    "tang-cifar": (3, 32, 32),
    "tang-fer": (1, 48, 48),
    "gogos-64": (3, 32, 32),
    "gogos-128": (3, 32, 32),
    "sm-mnist": (1, 28, 28),
    "sm-cifar10": (3, 32, 32),
    "sm-cifar100": (3, 32, 32),
    "ism3": (3, 32, 32),
}
HEADS = {
    "linear": "linear",
    "l-softmax": partial(LargeMarginSoftmaxLinear, margin=4),
    "svm": SVMLinear,
}


def conv(inputs: int, filters: int, size: int) -> int:
    return inputs * filters * size * size + filters


def dense(inputs: int, units: int) -> int:
    return inputs * units + units


# Where a paper prints counts they are written out; elsewhere they follow from its printed layers.
COUNTS = {
    "tang-mnist": [dense(70, 512), dense(512, 512), dense(512, 10)],
    "tang-cifar": [conv(3, 32, 5), conv(32, 64, 5), dense(64 * 8 * 8, 3072), dense(3072, 10)],
    "tang-fer": [conv(1, 32, 5), conv(32, 64, 5), dense(64 * 12 * 12, 3072), dense(3072, 10)],
    "gogos-64": [896, 9248, 9248, 9248, 51264, 650],
    "gogos-128": [896, 9248, 9248, 9248, 102528, 1290],
    "sm-mnist": [conv(1, 64, 3), *[conv(64, 64, 3)] * 9, dense(64 * 4 * 4, 256), dense(256, 10)],
    "sm-cifar10": [
        *[conv(3, 64, 3), *[conv(64, 64, 3)] * 4, conv(64, 96, 3), *[conv(96, 96, 3)] * 3],
        *[conv(96, 64, 3), *[conv(64, 64, 3)] * 3, dense(64 * 4 * 4, 256), dense(256, 10)],
    ],
    "sm-cifar100": [
        *[conv(3, 96, 3), *[conv(96, 96, 3)] * 4, conv(96, 192, 3), *[conv(192, 192, 3)] * 3],
        *[conv(192, 384, 3), *[conv(384, 384, 3)] * 3, dense(384 * 4 * 4, 512), dense(512, 10)],
    ],
    "ism3": [
        *[conv(3, 16, 5), conv(16, 32, 5), conv(32, 64, 5), conv(64, 64, 5), conv(64, 64, 5)],
        dense(64, 10),
    ],
    "mlp": [dense(20, 256), dense(256, 256), dense(256, 10)],
}


def counts(net: nn.Module) -> list[int]:
    """Parameters of each layer that has any."""
    own = [sum(p.numel() for p in m.parameters(recurse=False)) for m in net.modules()]
    return [n for n in own if n]


@pytest.mark.parametrize("name", NETS)
def test_parameter_counts_are_those_of_the_paper(name):
    assert counts(build_net(name, PRINTED_SHAPES[name], 10)) == COUNTS[name]


def test_parameter_counts_of_the_autoencoder_are_those_of_the_paper():
    assert counts(GogosAutoencoder()) == [1792, 73856, 2097408, 2105344, 147584, 73792, 1731]


@pytest.mark.parametrize("name", NETS)
def test_inputs_of_other_shapes_give_scores_and_a_gradient_for_each_parameter(name):
    net = build_net(name, (2, 16, 19), 7)
    scores = net(torch.randn(2, 2, 16, 19))
    assert scores.shape == (2, 7)
    scores.square().sum().backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in net.parameters())


@pytest.mark.parametrize(
    ("name", "shape"), [("ism3", (1, 28, 28)), ("ism3", (3, 96, 96)), ("sm-mnist", (1, 8, 8))]
)
def test_pools_that_round_up_take_the_images_of_the_papers(name, shape):
    assert build_net(name, shape, 4)(torch.zeros(1, *shape)).shape == (1, 4)


@pytest.mark.parametrize("name", sorted(set(NETS) - {"mlp", "tang-mnist"}))
def test_signals_keep_their_size_through_the_layers(name):
    """He's initialisation: neither vanishing nor exploding features at any depth."""
    torch.manual_seed(0)
    net = build_net(name, PRINTED_SHAPES[name], 10).eval()
    size = net.features(torch.randn(4, *PRINTED_SHAPES[name])).square().mean().sqrt()
    assert 0.2 < size < 10


def test_he_initialisation_has_its_variance_and_no_bias():
    torch.manual_seed(0)
    first = build_net("tang-mnist", (70,), 10).features[0]
    assert first.weight.var().item() == pytest.approx(2 / 70, rel=0.03)
    assert not first.bias.any()


def test_tangs_network_learns_under_his_learning_rate_and_momentum():
    torch.manual_seed(0)
    y = torch.randint(10, (200,))
    X = torch.randn(200, 70) + torch.randn(10, 70)[y]
    net = build_net("tang-mnist", (70,), 10, head=partial(SVMLinear, C=0.1))
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1, momentum=0.9)
    for rows in torch.randint(200, (30, 50)):
        optimizer.zero_grad()
        net.head.objective(net(X[rows]), y[rows]).backward()
        optimizer.step()
    assert float((net(X).argmax(1) == y).float().mean()) > 0.98


@pytest.mark.parametrize(
    ("name", "shape", "message"),
    [
        ("tang", (70,), "unknown net 'tang'; choose from mlp, tang-mnist"),
        ("gogos-64", (70,), r"input_shape is \(70,\); this net needs images"),
        ("gogos-64", (3, 15, 32), "these images are too small"),
        ("tang-cifar", (3, 3, 3), "these images are too small"),
        ("mlp", (3, 32), r"must be \(channels, height, width\) or \(n_features,\)"),
        ("mlp", (0,), "input_shape is"),
        ("mlp", (2.5,), "input_shape is"),
    ],
)
def test_inputs_that_no_layer_can_take_are_refused(name, shape, message):
    with pytest.raises(InputError, match=message):
        build_net(name, shape, 10)


def test_wrong_heads_and_class_counts_are_refused():
    with pytest.raises(InputError, match="head is 'svm'; it must be 'linear' or a callable"):
        build_net("mlp", (5,), 3, head="svm")
    with pytest.raises(InputError, match="n_classes is 1"):
        build_net("mlp", (5,), 1)
    with pytest.raises(InputError, match="multiples of 4"):
        GogosAutoencoder((3, 30, 32))


def test_options_reach_the_function_of_the_net():
    assert build_net("tang-cifar", (3, 32, 32), 10, kernel_size=3).features[0].kernel_size == (3, 3)


def test_headed_net_passes_targets_on_where_the_head_takes_them():
    X, y = torch.randn(6, 5), torch.arange(6) % 3
    net = HeadedNet(nn.Identity(), LargeMarginSoftmaxLinear(5, 3, margin=3, base=0))
    assert not torch.equal(net(X, y), net(X))
    assert torch.equal(net(X, y), net.head(X, y))
    net.head = nn.Linear(5, 3)
    assert torch.equal(net(X, y), net(X))
    net.head = LargeMarginSoftmaxLinear(5, 3, margin=3, base=0)
    assert not torch.equal(net(X, y), net(X))


def test_the_last_linear_layer_is_the_head():
    net = build_net("gogos-64", (3, 32, 32), 10)
    assert find_head(net) is net.head
    named_otherwise = nn.ModuleDict({"body": nn.Linear(4, 3), "fc": nn.Linear(3, 2), "act": nn.ReLU()})
    assert find_head(named_otherwise) is named_otherwise["fc"]
    nested = HeadedNet(nn.Linear(4, 4), nn.Sequential(nn.Linear(4, 4), nn.Linear(4, 2)))
    assert find_head(nested) is nested.head[1]
    without = HeadedNet(nn.Linear(4, 4), nn.Identity())
    assert find_head(without) is without.features
    with pytest.raises(InputError, match=r"Sequential has no nn\.Linear"):
        find_head(nn.Sequential(nn.ReLU()))


def test_a_net_of_timm_serves_as_well():
    timm = pytest.importorskip("timm")
    net = timm.create_model("resnet18", pretrained=False, num_classes=7)
    assert find_head(net) is net.fc
    assert net(torch.zeros(2, 3, 32, 32)).shape == (2, 7)
    net.reset_classifier(0)
    headed = HeadedNet(net, nn.Linear(net.num_features, 4))
    assert headed(torch.zeros(2, 3, 32, 32)).shape == (2, 4)
    transformer = timm.create_model("vit_tiny_patch16_224", pretrained=False, num_classes=5, depth=1)
    assert find_head(transformer) is transformer.head


@pytest.mark.parametrize(
    ("name", "rates"), [("tang-cifar", [0.2]), ("gogos-64", [0.25, 0.3, 0.5]), ("tang-fer", []), ("mlp", [])]
)
def test_dropout_is_that_of_the_paper(name, rates):
    net = build_net(name, PRINTED_SHAPES[name], 10)
    assert [layer.p for layer in net.modules() if isinstance(layer, nn.Dropout)] == rates


@pytest.mark.parametrize("shape", [(3, 32, 32), (1, 28, 20)])
def test_autoencoder_decodes_what_it_encodes(shape):
    net = GogosAutoencoder(shape, code_size=32)
    images = torch.rand(3, *shape)
    code = net.encode(images)
    assert code.shape == (3, 32)
    assert torch.equal(net(images), net.decode(code))
    assert net(images).shape == images.shape
    assert ((net(images) > 0) & (net(images) < 1)).all()


def test_doubling_convolution_is_the_adjoint_of_a_same_convolution_of_stride_two():
    """What Keras computes: its "same" convolution of stride 2 pads an even image at the end alone."""
    layer = DoublingConvolution(3, 5).double()
    small, large = torch.randn(2, 3, 4, 6).double(), torch.randn(2, 5, 8, 12).double()
    nn.init.zeros_(layer.bias)
    halved = nn.functional.conv2d(nn.functional.pad(large, (0, 1, 0, 1)), layer.weight, stride=2)
    assert (layer(small) * large).sum().item() == pytest.approx((small * halved).sum().item(), rel=1e-12)


def test_stack_alone_gives_the_width_of_its_features():
    stack = LayerStack((3, 9, 9)).convolution(4, 3).pool(ceil=True).flatten()
    assert stack.features()(torch.zeros(1, 3, 9, 9)).shape == (1, stack.width)


@pytest.mark.parametrize("head", HEADS)
def test_compiled_nets_score_like_eager_ones_without_recompiling(head):
    net = build_net("ism3", (1, 28, 28), 10, head=HEADS[head]).eval()
    torch._dynamo.reset()
    traced = []

    def backend(graph, _):
        traced.append(graph)
        return graph.forward

    compiled = torch.compile(net, fullgraph=True, dynamic=True, backend=backend)
    for n in (2, 3, 7):
        images, target = torch.randn(n, 1, 28, 28), torch.arange(n)
        torch.testing.assert_close(compiled(images, target), net(images, target))
    assert len(traced) == 1


@pytest.mark.filterwarnings("ignore:.*treespec, LeafSpec:FutureWarning")  # torch's own exporter
@pytest.mark.parametrize("head", HEADS)
def test_exported_nets_agree_with_onnxruntime(head, tmp_path):
    onnxruntime = pytest.importorskip("onnxruntime")
    pytest.importorskip("onnxscript")
    torch.manual_seed(0)
    net = build_net("gogos-64", (3, 32, 32), 10, head=HEADS[head]).eval()
    images = torch.randn(5, 3, 32, 32)
    path = tmp_path / "net.onnx"
    rows = ({0: torch.export.Dim("rows")},)
    torch.onnx.export(net, (images,), path, dynamo=True, dynamic_shapes=rows, verbose=False)
    session = onnxruntime.InferenceSession(path)
    for n in (1, 5):
        scores = session.run(None, {session.get_inputs()[0].name: images[:n].numpy()})[0]
        torch.testing.assert_close(torch.from_numpy(scores), net(images[:n]), rtol=0, atol=1e-5)
