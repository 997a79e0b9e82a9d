// A transpose that moves only an axis of size 1 is a reshape.
// RUN: %ingot opt %s --passes=canonicalize | %FileCheck %s
// CHECK: "ingot.reshape"(%0)
module {
  "ingot.graph"() ({
  ^bb0(%0: tensor<1x3x4xf32>):
    %1 = "ingot.transpose"(%0) {perm = [1, 0, 2]} : (tensor<1x3x4xf32>) -> tensor<3x1x4xf32>
    "ingot.return"(%1) {names = ["y"]} : (tensor<3x1x4xf32>) -> ()
  }) {sym_name = "main", param_names = ["x0"]} : () -> ()
}
