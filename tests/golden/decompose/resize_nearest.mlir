// Nearest neighbours of one element are a broadcast.
// RUN: %ingot opt %s --passes=decompose | %FileCheck %s
// CHECK-NOT: ingot.resize
// CHECK: "ingot.broadcast"{{.*}}-> tensor<1x4x3x5xf32>
module {
  "ingot.graph"() ({
  ^bb0(%0: tensor<1x4x1x1xf32>):
    %1 = "ingot.resize"(%0) {mode = "nearest", coords = "align_corners", nearest = "floor", cubic_a = -0.75, exclude_outside = 0, extrapolation = 0.0, antialias = 0, axes = [], sym = ["1", "4", "3", "5"]} : (tensor<1x4x1x1xf32>) -> tensor<1x4x3x5xf32>
    "ingot.return"(%1) {names = ["y"]} : (tensor<1x4x3x5xf32>) -> ()
  }) {sym_name = "main", param_names = ["x0"]} : () -> ()
}
