#!/usr/bin/env python3
"""One compile of a transformer with free batch and sequence sizes serves every size, against ONNX Runtime; and sizes
that contradict each other are refused with a message that says which."""
import numpy as np

import common

SIZES = ((1, 16), (1, 128), (3, 77), (8, 128))


def make_feeds(path, batch, sequence):
    """Token ids; a mask whose last row ends early; zeros for what is left."""
    rng, feeds = np.random.default_rng(batch * 1000 + sequence), {}
    for name, shape, dtype in common.session_inputs(path):
        assert len(shape) == 2, name
        value = np.zeros((batch, sequence), dtype)
        if "mask" in name:
            value[:] = 1
            value[-1, sequence - sequence // 3:] = 0
        elif "type" not in name:
            value[:] = rng.integers(1, 20000, (batch, sequence))
        feeds[name] = value
    return feeds


class Dynamic(common.Case):
    def check_sizes(self, name, sizes):
        path = common.model(name)
        out = self.compile(path, self.work / "artifact", "--emit=so")
        for batch, sequence in sizes:
            feeds = make_feeds(path, batch, sequence)
            got = self.run_model(out / (name + ".so"), feeds)
            self.compare(got, common.reference(path, feeds), "%s (%d, %d)" % (name, batch, sequence))

    def test_bert_base(self):
        if common.SANITIZED:
            self.skipTest("too large for the sanitizers")
        self.check_sizes("bert_base", SIZES)

    def test_minilm(self):
        self.check_sizes("minilm_l3", SIZES if not common.SANITIZED else SIZES[:1])

    def test_sizes_that_contradict_each_other_are_refused(self):
        path = common.model("minilm_l3")
        out = self.compile(path, self.work / "artifact", "--emit=so")
        feeds = make_feeds(path, 2, 16)
        mask = next(n for n in feeds if "mask" in n)
        feeds[mask] = feeds[mask][:, :15]
        self.refuse(out / "minilm_l3.so", feeds, ("15", "16"))

    def test_a_wrong_rank_and_a_wrong_type_are_refused(self):
        path = common.DIGITS / "digits.onnx"
        out = self.compile(path, self.work / "artifact", "--emit=so")
        self.refuse(out / "digits.so", {"image": np.zeros((1, 8, 8), np.float32)}, ("image", "3", "4"))
        self.refuse(out / "digits.so", {"image": np.zeros((1, 1, 8, 8), np.float64)}, ("image",))
        self.refuse(out / "digits.so", {"image": np.zeros((1, 1, 8, 9), np.float32)}, ("image", "9", "8"))

    def refuse(self, target, feeds, words):
        arguments = []
        for k, (name, value) in enumerate(feeds.items()):
            np.save(self.work / ("%d.npy" % k), value)
            arguments += ["--input", "%s=@%s" % (name, self.work / ("%d.npy" % k))]
        done = common.ingot("run", target, *arguments)
        self.assertIn(done.returncode, (2, 3), done.stdout + done.stderr)
        for word in words:
            self.assertIn(word, done.stderr)


if __name__ == "__main__":
    common.main()
