// Without convolutions nothing changes.
// RUN: %ingot opt %s --passes=layout | %FileCheck %s
// CHECK-NOT: c16
module {
  "ingot.graph"() ({
  ^bb0(%0: tensor<1x16x8x8xf32>):
    %1 = "ingot.relu"(%0) {} : (tensor<1x16x8x8xf32>) -> tensor<1x16x8x8xf32>
    "ingot.return"(%1) {names = ["y"]} : (tensor<1x16x8x8xf32>) -> ()
  }) {sym_name = "main", param_names = ["x0"]} : () -> ()
}
