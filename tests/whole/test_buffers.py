#!/usr/bin/env python3
"""Generated code touches its declared buffers and nothing else: inputs and outputs lie against pages that must not be
touched, above and below; and contexts of one model run side by side.

`test_buffers.py --child SO FEEDS.npz WANT.npz` is the process that may die.
"""
import sys
import threading

import numpy as np

import common
from artifact_so import Guarded, Model, tensor

# model and the sizes of its free dimensions, odd on purpose: the last vector of a row is then a partial one
MODELS = (("lstm2", {0: (5, 3, 128)}), ("light_squeezenet", {}), ("mobilenet_v2", {0: (1, 3, 224, 224)}),
          ("ppocrv2_cls", {0: (3, 3, 48, 192)}), ("magika", {0: (1, 2048)}),
          ("minilm_l3", {0: (3, 13), 1: (3, 13), 2: (3, 13)}))
SMALL = ("lstm2", "light_squeezenet", "ppocrv2_cls")


def make_feeds(path, shapes):
    rng, feeds = np.random.default_rng(11), {}
    for k, (name, shape, dtype) in enumerate(common.session_inputs(path)):
        shape = shapes.get(k, shape)
        if np.dtype(dtype).kind == "f":
            feeds[name] = rng.standard_normal(shape).astype(dtype)
        else:
            # Few distinct tokens would make norms of nearly equal values, which no two engines agree on.
            ids = rng.integers(0, 2 if "type" in name else 256, shape)
            feeds[name] = np.ones(shape, dtype) if "mask" in name else ids.astype(dtype)
    return feeds


class Buffers(common.Case):
    def check(self, path, shapes):
        name = path.stem
        feeds = make_feeds(path, shapes)
        out = self.compile(path, self.work / name, "--emit=so")
        want = common.reference(path, feeds)
        np.savez(self.work / "feeds.npz", **{"%03d" % k: v for k, v in enumerate(feeds.values())})
        np.savez(self.work / "want.npz", **{"%03d" % k: v for k, v in enumerate(want)})
        done = common.run(sys.executable, __file__, "--child", out / (name + ".so"), self.work / "feeds.npz",
                          self.work / "want.npz")
        self.assertEqual(self.succeed(done).strip().splitlines()[-1:], ["ok"], done.stderr)

    def test_digits(self):
        self.check(common.DIGITS / "digits.onnx", {0: (3, 1, 8, 8)})


def add_test(name, shapes):
    def test(self):
        if common.SANITIZED and name not in SMALL:
            self.skipTest("slow with sanitizers")
        self.check(common.model(name), shapes)
    setattr(Buffers, "test_" + name, test)


for each in MODELS:
    add_test(*each)


def child(so, feeds, want):
    """Three runs in guarded buffers, then two contexts at once; every result must be right and all the same."""
    model = Model(so)
    feeds, want = list(np.load(feeds).values()), list(np.load(want).values())

    def once(context, low):
        inputs = [Guarded(v.shape, v.dtype, low) for v in feeds]
        outputs = [Guarded(v.shape, v.dtype, low) for v in want]
        for guarded, value in zip(inputs, feeds):
            guarded.array[...] = value
        model.call(context, [tensor(g.array, g.address) for g in inputs], [tensor(g.array, g.address) for g in outputs])
        for guarded, value in zip(inputs, feeds):
            assert np.array_equal(guarded.array, value), "an input was written to"
        return [g.array.copy() for g in outputs]

    context = model.context()
    results = [once(context, low) for low in (False, True, False)]
    for k, (a, b) in enumerate(zip(results[0], want)):
        problem = common.difference(a, b)
        assert problem is None, "output %d: %s" % (k, problem)

    other = model.context()
    threads = [threading.Thread(target=lambda c: results.extend(once(c, False) for _ in range(5)), args=(c,))
               for c in (context, other)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(results) == 13, "a thread failed"
    for result in results[1:]:
        assert all(np.array_equal(a, b, equal_nan=a.dtype.kind == "f") for a, b in zip(result, results[0])), "runs differ"
    model.destroy(context)
    model.destroy(other)
    print("ok")


if __name__ == "__main__":
    if sys.argv[1:2] == ["--child"]:
        child(common.Path(sys.argv[2]), *sys.argv[3:])
    else:
        common.main()
