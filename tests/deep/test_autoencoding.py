import numpy as np
import pytest

from maxmargin._checks import InputError

torch = pytest.importorskip("torch")

from torch import nn  # noqa: E402

from maxmargin.deep.autoencoding import autoencode  # noqa: E402


class Autoencoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.encoder, self.decoder, self.drop = (
            nn.Conv2d(1, 2, 2, stride=2),
            nn.Linear(8, 16),
            nn.Dropout(0.5),
        )

    def encode(self, x):
        return self.drop(self.encoder(x))

    def forward(self, x):
        return self.decoder(self.encode(x).flatten(1))


@pytest.mark.parametrize("batch_size", [2, 256])
def test_codes_in_memory_and_in_a_file(batch_size, tmp_path):
    torch.manual_seed(0)
    net = Autoencoder()
    images = np.random.default_rng(0).random((5, 1, 4, 4))
    codes = autoencode(net, images, batch_size=batch_size)
    by_hand = net.encoder(torch.tensor(images).float()).flatten(1).detach().numpy()
    assert (codes.dtype, codes.shape) == (np.float32, (5, 8))
    np.testing.assert_allclose(codes, by_hand, atol=1e-6)
    written = autoencode(net, images, batch_size=batch_size, out=str(tmp_path / "codes.npy"))
    assert isinstance(written, np.memmap)
    assert written.tolist() == codes.tolist()
    assert all(part.training for part in net.modules())


def test_what_is_no_autoencoder_is_refused():
    with pytest.raises(InputError, match="Linear has no method encode; give an autoencoder"):
        autoencode(nn.Linear(2, 2), np.eye(2))


def test_an_encoder_that_gives_several_tensors_is_refused():
    net = Autoencoder()
    net.encode = lambda x: (x, x)
    with pytest.raises(InputError, match="the features of Autoencoder are a tuple, no tensor"):
        autoencode(net, np.ones((2, 1, 4, 4)))
    assert all(part.training for part in net.modules())
