// Package search finds an answer that passes its tests: it takes candidate
// programs from models' replies and runs them, in batches under a ceiling.
package search
