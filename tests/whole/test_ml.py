"""ai.onnx.ml on numbers, against ONNX Runtime."""
import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from onnx.reference import ReferenceEvaluator

import common
from nodes import Const, Nodes

RNG = np.random.default_rng(11)
ML = {"ai_onnx_ml": 3}


def f32(*shape):
    return RNG.standard_normal(shape).astype(np.float32)


def numbers(*shape):
    return [float(v) for v in RNG.standard_normal(shape).ravel()]


def nodes(opset=17, **others):
    made = Nodes(opset, **(others or ML))
    return made


def reference(path, feeds):
    return ReferenceEvaluator(str(path)).run(None, feeds)


def add(made, op_type, inputs, outputs=1, **attributes):
    made.add(op_type, inputs, outputs, domain="ai.onnx.ml", **attributes)


class Features(common.Case):
    def test_scaling(self):
        made = nodes()
        for x in (f32(4, 3), f32(4, 3).astype(np.float64), RNG.integers(-9, 9, (4, 3)), f32(3)):
            add(made, "Scaler", [x], offset=[1.0, 2.0, 3.0], scale=[0.5, 2.0, 4.0])
            for norm in ("L1", "L2", "MAX"):
                add(made, "Normalizer", [x], norm=norm)
        add(made, "Scaler", [f32(4, 3)], offset=[0.5], scale=[2.0])
        add(made, "Normalizer", [np.zeros((2, 3), np.float32)], norm="L1")
        made.check(self)

    def test_thresholds_and_replacements(self):
        made = nodes()
        add(made, "Binarizer", [f32(4, 3)], threshold=0.25)
        x = f32(4, 3)
        x[1, 2] = x[0, 0] = np.nan
        add(made, "Imputer", [x], imputed_value_floats=[1.0, 2.0, 3.0], replaced_value_float=float("nan"))
        add(made, "Imputer", [x], imputed_value_floats=[7.0], replaced_value_float=float("nan"))
        add(made, "Imputer", [np.array([[1, -1], [-1, 3]], np.int64)], imputed_value_int64s=[5, 6],
            replaced_value_int64=-1)
        made.check(self)

    def test_columns(self):
        made = nodes()
        add(made, "ArrayFeatureExtractor", [f32(2, 3, 4), np.array([[3, 1]], np.int64)])
        add(made, "ArrayFeatureExtractor", [f32(5), np.array([4, 0], np.int64)])
        add(made, "FeatureVectorizer", [f32(3, 2), f32(3, 4)], inputdimensions=[2, 4])
        add(made, "FeatureVectorizer", [np.array([[1, 2]], np.int64), np.array([[3]], np.int64)], inputdimensions=[2, 1])
        made.check(self)

    def test_categories(self):
        made = nodes()
        x = np.array([[1, 7, 3], [2, 2, 9]], np.int64)
        add(made, "OneHotEncoder", [x], cats_int64s=[3, 1, 2, 7], zeros=1)
        add(made, "OneHotEncoder", [x.astype(np.float32)], cats_int64s=[3, 1, 2, 7, 9], zeros=0)
        add(made, "LabelEncoder", [x], keys_int64s=[7, 1, 3], values_floats=[0.5, 1.5, 2.5], default_float=-9.0)
        add(made, "LabelEncoder", [x], keys_int64s=[7, 1, 3], values_int64s=[5, 1, 2])
        add(made, "LabelEncoder", [np.array([1.5, 3.0, 2.0], np.float32)], keys_floats=[2.0, 0.5, 1.5],
            values_int64s=[1, 2, 3], default_int64=4)
        made.check(self)

    def test_categories_as_tensors(self):
        made = nodes(opset=21, ai_onnx_ml=4)
        add(made, "LabelEncoder", [np.array([1.5, 7.0], np.float64)],
            keys_tensor=numpy_helper.from_array(np.array([1.5, 3.0])),
            values_tensor=numpy_helper.from_array(np.array([10, 20], np.int16)),
            default_tensor=numpy_helper.from_array(np.array([-3], np.int16)))
        [got] = made.run(self)      # ONNX Runtime has no such types
        self.assertEqual((got.dtype, got.tolist()), (np.int16, [10, -3]))

    def test_an_unknown_category_is_an_error_where_asked_for(self):
        made = nodes()
        add(made, "OneHotEncoder", [np.array([[1, 5]], np.int64)], cats_int64s=[1, 2], zeros=0)
        path = made.save(self.work / "m.onnx")
        np.save(self.work / "x.npy", np.array([[1, 5]], np.int64))
        done = common.ingot("run", path, "--input", "n0_in0=@%s" % (self.work / "x.npy"), "-o", self.work / "out")
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("is none of the 2 keys", done.stderr)


class Linear(common.Case):
    def test_regressors(self):
        made = nodes()
        add(made, "LinearRegressor", [f32(5, 3)], coefficients=numbers(2, 3), intercepts=numbers(2), targets=2)
        add(made, "LinearRegressor", [f32(5, 3)], coefficients=numbers(3))
        made.check(self)

    def test_classifiers(self):
        made = nodes()
        x = f32(6, 3)
        for transform in ("NONE", "LOGISTIC", "SOFTMAX", "SOFTMAX_ZERO"):
            add(made, "LinearClassifier", [x], 2, coefficients=numbers(3, 3), intercepts=numbers(3),
                classlabels_ints=[4, 5, 6], post_transform=transform)
        for transform in ("NONE", "LOGISTIC"):
            add(made, "LinearClassifier", [x], 2, coefficients=numbers(3), intercepts=[0.2], classlabels_ints=[4, 9],
                post_transform=transform)
        made.check(self)


class SupportVectors(common.Case):
    def test_regressors(self):
        made = nodes()
        for kernel in ("LINEAR", "POLY", "RBF", "SIGMOID"):
            add(made, "SVMRegressor", [f32(5, 3)], coefficients=numbers(4), support_vectors=numbers(4, 3), n_supports=4,
                kernel_type=kernel, kernel_params=[0.3, 0.5, 3.0], rho=[0.1])
        add(made, "SVMRegressor", [f32(5, 3)], coefficients=numbers(4), support_vectors=numbers(4, 3), n_supports=4,
            kernel_type="RBF", kernel_params=[0.3, 0.0, 3.0], rho=[0.1], one_class=1)
        add(made, "SVMRegressor", [f32(5, 3)], coefficients=numbers(3), rho=[0.1], kernel_type="LINEAR",
            kernel_params=[0.0, 0.0, 1.0])
        made.check(self)

    def test_classifiers(self):
        made = nodes()
        x = f32(8, 3)
        for kernel in ("LINEAR", "POLY", "RBF", "SIGMOID"):
            add(made, "SVMClassifier", [x], 2, coefficients=numbers(2, 7), support_vectors=numbers(7, 3),
                vectors_per_class=[2, 3, 2], kernel_type=kernel, kernel_params=[0.3, 0.5, 2.0], rho=numbers(3),
                classlabels_ints=[3, 1, 2])
        add(made, "SVMClassifier", [x], 2, coefficients=numbers(2, 7), support_vectors=numbers(7, 3),
            vectors_per_class=[2, 3, 2], kernel_type="RBF", kernel_params=[0.3, 0.5, 2.0], rho=numbers(3),
            classlabels_ints=[3, 1, 2], prob_a=[-1.0, -2.0, -0.5], prob_b=[0.1, 0.0, -0.1])
        add(made, "SVMClassifier", [x], 2, coefficients=numbers(1, 5), support_vectors=numbers(5, 3),
            vectors_per_class=[2, 3], kernel_type="RBF", kernel_params=[0.3, 0.5, 2.0], rho=[0.2],
            classlabels_ints=[3, 1], prob_a=[-1.5], prob_b=[0.1])
        add(made, "SVMClassifier", [x], 2, coefficients=numbers(3, 3), rho=[0.3], classlabels_ints=[3, 1, 2],
            post_transform="SOFTMAX", kernel_type="LINEAR", kernel_params=[0.0, 0.0, 1.0])
        made.check(self)

    def test_two_classes(self):
        made = nodes()
        for transform in ("NONE", "LOGISTIC"):
            add(made, "SVMClassifier", [f32(8, 3)], 2, coefficients=numbers(1, 5), support_vectors=numbers(5, 3),
                vectors_per_class=[2, 3], kernel_type="RBF", kernel_params=[0.3, 0.5, 2.0], rho=[0.2],
                classlabels_ints=[3, 1], post_transform=transform)
        made.check(self)


def forest(trees, depth, features, leaf, entries=1):
    """Attributes of full trees of random tests; `leaf` answers the (id, weight) pairs of one leaf."""
    nodes_ = {k: [] for k in ("treeids", "nodeids", "featureids", "modes", "values", "truenodeids", "falsenodeids",
                              "missing_value_tracks_true")}
    leaves = {k: [] for k in ("treeids", "nodeids", "ids", "weights")}
    modes = ["BRANCH_LEQ", "BRANCH_LT", "BRANCH_GTE", "BRANCH_GT"]
    for tree in range(trees):
        inner = 2 ** depth - 1
        for node in range(2 ** (depth + 1) - 1):
            is_leaf = node >= inner
            nodes_["treeids"].append(tree)
            nodes_["nodeids"].append(node)
            nodes_["featureids"].append(0 if is_leaf else int(RNG.integers(features)))
            nodes_["modes"].append("LEAF" if is_leaf else modes[RNG.integers(4)])
            nodes_["values"].append(0.0 if is_leaf else float(np.float32(RNG.standard_normal() * 0.7)))
            nodes_["truenodeids"].append(0 if is_leaf else 2 * node + 1)
            nodes_["falsenodeids"].append(0 if is_leaf else 2 * node + 2)
            nodes_["missing_value_tracks_true"].append(int(RNG.integers(2)))
            for target, weight in leaf() if is_leaf else ():
                leaves["treeids"].append(tree)
                leaves["nodeids"].append(node)
                leaves["ids"].append(target)
                leaves["weights"].append(weight)
    return {"nodes_" + k: v for k, v in nodes_.items()}, leaves


class Trees(common.Case):
    def rows(self, n, features):
        x = f32(n, features)
        x[2, 1] = x[5, 0] = np.nan
        return x

    def test_regressors(self):
        made = nodes()
        for aggregate in ("SUM", "AVERAGE", "MIN", "MAX"):
            table, leaves = forest(5, 3, 4, lambda: [(0, float(RNG.standard_normal())), (1, float(RNG.standard_normal()))])
            add(made, "TreeEnsembleRegressor", [self.rows(9, 4)], aggregate_function=aggregate, n_targets=2,
                base_values=[0.5, -0.5], **table, **{"target_" + k: v for k, v in leaves.items()})
        made.check(self)

    def test_classifiers(self):
        made = nodes()
        for transform in ("NONE", "LOGISTIC", "SOFTMAX", "SOFTMAX_ZERO"):
            table, leaves = forest(6, 2, 3, lambda: [(k, float(RNG.uniform(0, 0.3))) for k in range(3)])
            add(made, "TreeEnsembleClassifier", [self.rows(9, 3)], 2, classlabels_int64s=[5, 7, 9],
                post_transform=transform, **table, **{"class_" + k: v for k, v in leaves.items()})
        made.check(self)

    def test_two_classes_and_one_score(self):
        made = nodes()
        for positive, only in ((True, 0), (False, 0), (True, 1), (False, 1)):
            for transform in ("NONE", "LOGISTIC"):
                low = 0.05 if positive else -0.5
                table, leaves = forest(4, 2, 3, lambda: [(only, float(RNG.uniform(low, 0.25 if positive else 0.5)))])
                add(made, "TreeEnsembleClassifier", [self.rows(9, 3)], 2, classlabels_int64s=[0, 1],
                    post_transform=transform, **table, **{"class_" + k: v for k, v in leaves.items()})
        made.check(self)

    def test_trees_by_place(self):
        made = nodes(opset=21, ai_onnx_ml=5)
        tensor = numpy_helper.from_array
        made.add("TreeEnsemble", [np.array([[1.2, 0], [-0.1, 3], [0.5, 1], [2, 2]], np.float32)], domain="ai.onnx.ml",
                 n_targets=2, aggregate_function=1, post_transform=0, tree_roots=[0, 2],
                 nodes_featureids=[0, 1, 1], nodes_modes=tensor(np.array([0, 3, 6], np.uint8)),
                 nodes_splits=tensor(np.array([0.5, 1.5, np.nan], np.float32)), nodes_truenodeids=[1, 0, 2],
                 nodes_trueleafs=[0, 1, 1], nodes_falsenodeids=[2, 1, 3], nodes_falseleafs=[1, 1, 1],
                 leaf_targetids=[0, 1, 0, 1], leaf_weights=tensor(np.array([1, 2, 3, 4], np.float32)),
                 membership_values=tensor(np.array([1, 3, np.nan], np.float32)))
        made.check(self, reference=reference)


if __name__ == "__main__":
    common.main()
