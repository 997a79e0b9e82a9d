// Nearest neighbours by whole factors stay a resize: its kernel repeats elements, in blocks of channels too.
// RUN: %ingot opt %s --passes=decompose | %FileCheck %s
// CHECK: ingot.resize
// CHECK-NOT: ingot.broadcast
module {
  "ingot.graph"() ({
  ^bb0(%0: tensor<1x1x2x2xf32>):
    %1 = "ingot.resize"(%0) {mode = "nearest", coords = "asymmetric", nearest = "floor", cubic_a = -0.75, exclude_outside = 0, extrapolation = 0.0, antialias = 0, axes = [], sym = ["1", "1", "4", "4"]} : (tensor<1x1x2x2xf32>) -> tensor<1x1x4x4xf32>
    "ingot.return"(%1) {names = ["y"]} : (tensor<1x1x4x4xf32>) -> ()
  }) {sym_name = "main", param_names = ["x0"]} : () -> ()
}
