public import MartletCore

extension Bind {
    public var definedSymbols: [Symbol] { [symbol] }
}
