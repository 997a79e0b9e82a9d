// exp(x - max) / sum of the same.
// RUN: %ingot opt %s --passes=recognize_activations,canonicalize | %FileCheck %s
// CHECK-NOT: ingot.exp
// CHECK: "ingot.softmax"(%0) {axis = 1
module {
  "ingot.graph"() ({
  ^bb0(%0: tensor<2x4xf32>):
    %1 = "ingot.reduce"(%0) {kind = "max", axes = [1], keepdims = 1} : (tensor<2x4xf32>) -> tensor<2x1xf32>
    %2 = "ingot.sub"(%0, %1) {} : (tensor<2x4xf32>, tensor<2x1xf32>) -> tensor<2x4xf32>
    %3 = "ingot.exp"(%2) {} : (tensor<2x4xf32>) -> tensor<2x4xf32>
    %4 = "ingot.reduce"(%3) {kind = "sum", axes = [1], keepdims = 1} : (tensor<2x4xf32>) -> tensor<2x1xf32>
    %5 = "ingot.div"(%3, %4) {} : (tensor<2x4xf32>, tensor<2x1xf32>) -> tensor<2x4xf32>
    "ingot.return"(%5) {names = ["y"]} : (tensor<2x4xf32>) -> ()
  }) {sym_name = "main", param_names = ["x0"]} : () -> ()
}
