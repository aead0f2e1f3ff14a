public import MartletIR

extension OperationRegistry {
    /// The primitives and every kept function of the library.
    public static let library = OperationRegistry(adding: KeptFunctions.all)
}
