#!/usr/bin/env python3
"""The artifact as its user meets it: the 20-line C program built by plain cc, what it links, its size, two models in
one program, no allocation in a run, any number of threads, damaged weights; and the same bytes from every compile."""
import json
import re
import shutil
import unittest

import numpy as np

import common

RUNTIME_LIMIT_BYTES = 100 * 1000
WRAPPED = ("malloc", "calloc", "realloc", "aligned_alloc", "posix_memalign", "mmap")
IMAGES = sorted(common.DIGITS.glob("digit_*.npy"))
HERE = common.ROOT / "tests" / "whole"


class Artifact(common.Case):
    def setUp(self):
        super().setUp()
        self.out = self.compile(common.DIGITS / "digits.onnx", self.work / "out")

    def cc(self, source, target, *arguments):
        self.succeed(common.run("cc", "-Wall", "-Wextra", "-Werror", "-I", self.out, source, *arguments, "-lm",
                                "-lpthread", "-o", self.work / target))
        return self.work / target

    def probe(self, *arguments):
        """Builds client_probe.c once; answers the finished process."""
        program = self.work / "probe"
        if not program.exists():
            self.cc(HERE / "client_probe.c", "probe", self.out / "digits.a",
                    *("-Wl,--wrap=" + name for name in WRAPPED))
        return common.run(program, *arguments)

    def scores(self, done):
        words = self.succeed(done).split()
        return np.array([int(w, 16) for w in words], np.uint32).view(np.float32)

    def test_the_short_c_program(self):
        source = common.DIGITS / "digits.c"
        self.assertLessEqual(len(source.read_text().splitlines()), 20)
        program = self.cc(source, "digits", self.out / "digits.a")
        for image in IMAGES:
            done = common.run(program, image, cwd=self.out)
            self.assertEqual(self.succeed(done).strip(), image.stem[-1])

    def test_it_needs_libc_and_libm_alone(self):
        program = self.cc(common.DIGITS / "digits.c", "digits", self.out / "digits.a")
        needed = set(re.findall(r"^\s*(\S+?)[\s.]", self.succeed(common.run("ldd", program)), re.M))
        names = {n.rpartition("/")[2] for n in needed}
        self.assertLessEqual(names, {"linux-vdso", "libc", "libm", "ld-linux-x86-64", "libpthread"})

    def test_the_runtime_is_small(self):
        runtime = {f.name + ".o" for f in (common.ROOT / "runtime").glob("*.c")}
        sizes, name = {}, None
        for line in self.succeed(common.run("size", "-A", self.out / "digits.a")).splitlines():
            if match := re.match(r"(\S+)\s+\(ex ", line):
                name = match[1]
            elif (match := re.match(r"\.(?:text|rodata|data|bss)\S*\s+(\d+)", line)) and name in runtime:
                sizes[name] = sizes.get(name, 0) + int(match[1])
        self.assertTrue(sizes, "no member of the archive is named after a file of runtime/")
        self.assertLess(sum(sizes.values()), RUNTIME_LIMIT_BYTES, sizes)

    def test_two_models_in_one_program(self):
        for name in ("one", "two"):
            self.compile(common.DIGITS / "digits.onnx", self.out, "--name", name)
        program = self.cc(HERE / "client_two.c", "both", self.out / "one.a", self.out / "two.a")
        done = common.run(program, self.out / "one.weights", self.out / "two.weights", IMAGES[0])
        self.assertEqual(self.succeed(done).strip(), "ok")

    def test_a_run_allocates_nothing(self):
        done = self.probe("allocations", self.out / "digits.weights", IMAGES[0])
        self.assertEqual(self.succeed(done).strip(), "0")

    def test_threads_do_not_change_the_result(self):
        answers = [self.succeed(self.probe("threads", n, self.out / "digits.weights", IMAGES[0])) for n in (1, 2, 3, 8)]
        answers.append(self.succeed(self.probe("caller", self.out / "digits.weights", IMAGES[0])))
        self.assertEqual(set(answers), {answers[0]})

    def test_the_result_is_right(self):
        for image in IMAGES:
            want = common.reference(common.DIGITS / "digits.onnx", {"image": np.load(image)})[0]
            got = self.scores(self.probe("threads", 1, self.out / "digits.weights", image)).reshape(1, 10)
            self.assertIsNone(common.difference(got, want))

    def test_weights_from_memory_and_an_output_of_the_context(self):
        want = self.succeed(self.probe("threads", 1, self.out / "digits.weights", IMAGES[0]))
        self.assertEqual(self.succeed(self.probe("memory", self.out / "digits.weights", IMAGES[0])), want)

    def test_misaligned_weights_are_refused(self):
        done = self.probe("misaligned", self.out / "digits.weights", IMAGES[0])
        self.assertGreater(done.returncode, 0)
        self.assertIn("align", done.stderr)

    def test_damaged_weights_are_refused_each_with_its_message(self):
        whole, messages = (self.out / "digits.weights").read_bytes(), set()
        bad = self.work / "bad.weights"
        for content in (b"", whole[:100], whole[:-4096], b"X" + whole[1:], None):
            bad.unlink(missing_ok=True)
            if content is not None:
                bad.write_bytes(content)
            done = self.probe("threads", 1, bad, IMAGES[0])
            self.assertIn(done.returncode, (2, 3, 5), done.stderr)
            self.assertIn("bad.weights", done.stderr)
            messages.add(done.stderr)
        self.assertGreaterEqual(len(messages), 3, messages)

    def test_weights_of_another_compile_are_refused(self):
        other = self.compile(common.DIGITS / "digits.onnx", self.work / "other", "--name", "other", "--dim", "batch=2")
        done = self.probe("threads", 1, other / "other.weights", IMAGES[0])
        if done.returncode == 0:    # the same constants in the same places: nothing to refuse
            self.assertEqual((other / "other.weights").read_bytes(), (self.out / "digits.weights").read_bytes())

    def test_the_shared_object(self):
        out = self.compile(common.DIGITS / "digits.onnx", self.work / "so", "--emit=so")
        feeds = {"image": np.concatenate([np.load(i) for i in IMAGES])}
        got = self.run_model(out / "digits.so", feeds)
        self.compare(got, common.reference(common.DIGITS / "digits.onnx", feeds))


class Versions(common.Case):
    """Several CPUs in one artifact: the best that this machine runs is taken, and all read one weights file."""

    def compile_for(self, cpus, *options):
        return self.compile(common.DIGITS / "digits.onnx", self.work / cpus, "--emit=so,report", "--cpu", cpus, *options)

    def requires(self, out):
        info = self.succeed(common.ingot("info", out / "digits.so"))
        return re.search(r"requires\s+(\S+)", info)[1]

    def runs_here(self):
        listed = json.loads(self.succeed(common.ingot("targets", "--json")))["targets"]
        return [t["name"] for t in listed if t["runs_here"] and t["name"].startswith("x86-64-v")]

    def test_the_best_that_runs_here(self):
        levels = self.runs_here()
        out = self.compile_for("x86-64-v2,x86-64-v4,x86-64-v3")
        self.assertEqual(self.requires(out), levels[-1])
        for single in levels:
            alone = self.compile_for(single)
            self.assertEqual(self.requires(alone), single)
            self.assertEqual((alone / "digits.weights").stat().st_size, (out / "digits.weights").stat().st_size)
        report = json.loads((out / "digits.json").read_text())
        self.assertEqual([v["cpu"] for v in report["versions"]], ["x86-64-v4", "x86-64-v3", "x86-64-v2"])
        feeds = {"image": np.concatenate([np.load(i) for i in IMAGES])}
        want = common.reference(common.DIGITS / "digits.onnx", feeds)
        for target in (out, self.compile_for("x86-64-v3,x86-64-v2", "--embed-weights")):
            self.assertIsNone(common.difference(self.run_model(target / "digits.so", feeds)[0], want[0]))

    def test_none_that_runs_here(self):
        if "x86-64-v4" in self.runs_here():
            self.skipTest("this machine runs every level")
        done = common.ingot("run", self.compile_for("x86-64-v4,znver4") / "digits.so", "--random")
        self.assertEqual(done.returncode, 4)
        self.assertIn("the model was compiled for x86-64-v4; this CPU lacks AVX512F", done.stderr)

    def test_a_target_that_is_not_there(self):
        done = common.ingot("compile", common.DIGITS / "digits.onnx", "-o", self.work / "x", "--cpu=x86-64-v3,pentium")
        self.assertEqual(done.returncode, 2)
        self.assertIn("pentium", done.stderr)


class Bytes(common.Case):
    def check_same_bytes(self, path):
        first = self.compile(path, self.work / "first", "--emit=so")
        second = self.compile(path, self.work / "second", "--emit=so")
        names, again = (sorted(f.relative_to(d) for f in d.rglob("*") if f.is_file()) for d in (first, second))
        self.assertEqual(names, again)
        for name in names:
            self.assertEqual((first / name).read_bytes(), (second / name).read_bytes(), str(name))

    def test_two_compiles_of_digits(self):
        self.check_same_bytes(common.DIGITS / "digits.onnx")

    def test_two_compiles_of_mobilenet(self):
        if common.SANITIZED:
            self.skipTest("slow with sanitizers")
        self.check_same_bytes(common.model("mobilenet_v2"))

    @unittest.skipUnless(shutil.which("taskset"), "no taskset")
    def test_one_cpu_and_all_cpus_give_the_same_results(self):
        for name in ("lstm2", "light_squeezenet") if common.SANITIZED else ("lstm2", "light_squeezenet", "minilm_l3"):
            with self.subTest(model=name):
                path = common.model(name)
                out = self.compile(path, self.work / name, "--emit=so")
                answers = []
                for prefix in (["taskset", "-c", "0"], []):
                    target = self.work / ("%s-%d" % (name, len(answers)))
                    self.succeed(common.run(*prefix, common.INGOT, "run", out / (name + ".so"), "--random=1", "-o", target))
                    answers.append({f.name: f.read_bytes() for f in target.glob("*.npy")})
                self.assertTrue(answers[0])
                self.assertEqual(answers[0], answers[1])


if __name__ == "__main__":
    common.main()
