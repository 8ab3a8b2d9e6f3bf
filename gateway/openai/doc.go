// Package openai holds the wire types of OpenAI's API, as far as Drover reads
// or writes them, and keeps everything else as it came.
//
// An Object is a JSON object whose members stay raw and in order, so that a
// field that nobody here knows travels on unchanged, and a request of a
// megabyte is decoded once however many upstream calls are made of it.
// ChatRequest, ChatResponse and Chunk are views of such objects; Error is
// OpenAI's error body; CallError is how a call to a model went wrong, and
// whether it may have spent money.
//
// It is a package of its own because the gateway, the search and the upstream
// clients share these types, and none of them may import another for them.
package openai
