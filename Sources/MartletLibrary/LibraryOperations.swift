public import MartletIR

extension OperationRegistry {
    /// The primitives and every kept function of the library, which the build lists.
    public static let library = OperationRegistry(adding: KeptFunctionList.all)
}
