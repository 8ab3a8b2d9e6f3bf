package gateway

// TakeReplyMemory holds a part of what replies may hold, until it is given back.
func (g *Gateway) TakeReplyMemory(n int64) (give func()) {
	g.replies.TryAcquire(n)
	return func() { g.replies.Release(n) }
}
