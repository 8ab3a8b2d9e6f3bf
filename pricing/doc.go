// Package pricing turns tokens into money: what a call cost, what it can cost
// at most, and how many tokens a text has.
//
//   - [USD] is an amount of money, [Rate] a price per token, both integers.
//   - [Price] holds what one model asks, [Usage] what one call consumed, and
//     [Table] the prices of all models of a configuration.
//   - [List] is the published price list that a configuration starts from.
//   - [Count] counts tokens as the model's tokeniser does; [Bound] is the cheap
//     upper bound that needs no tokeniser.
//
// Every figure that ends up in a budget, the ledger or a reply goes through
// [Price.Cost]: it is the only place where tokens become money, for whole
// replies and for streams, before a call and after it. It is exact and rounds
// up once for each call. An unknown price is an error and never zero, because a
// model without a price would be a budget without a limit.
//
// The package is one of its own because money must not depend on who spends
// it: it imports nothing of ours, reads no file, no clock and no environment.
package pricing
