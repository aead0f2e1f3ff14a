// What a program that imports Martlet sees of the modules below: tensors and diagnostics, traced graphs, the functions
// over tensors, sessions and runs. Whole modules, because operators and methods in extensions are seen only so.

@_exported public import MartletCore
@_exported public import MartletIR
@_exported public import MartletLibrary
@_exported public import MartletRuntime
