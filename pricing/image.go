package pricing

import "strings"

// ImageBound is the most prompt tokens that one image takes of a model of this
// name, at OpenAI's detail low or at any other.
//
// OpenAI's guide "Images and vision" scales an image into 2,048 pixels square,
// then its shorter side to 768, and cuts it into tiles of 512: eight at most. Each
// has a price beside one for the image: 85 + 170 a tile for GPT-4o, 4.1 and 4.5, 75 +
// 150 for o1 and o3, 70 + 140 for GPT-5, and 2,833 + 5,667 for GPT-4o mini. The
// other small models count patches, 1,536 at most, each as up to 2.46 tokens.
// Models of other makers are taken for those that take most, 16,384: Llama 3.2
// Vision takes 6,404.
func ImageBound(model string, low bool) int64 {
	name := strings.ToLower(model)
	base, tile := int64(16_384), int64(0)
	switch {
	case strings.Contains(name, "gpt-4o-mini"):
		base, tile = 2833, 5667
	case strings.Contains(name, "mini"), strings.Contains(name, "nano"):
		return 3779
	case strings.Contains(name, "gpt-4o"), strings.Contains(name, "gpt-4.1"), strings.Contains(name, "gpt-4.5"), strings.Contains(name, "gpt-5"),
		strings.Contains(name, "gpt-4-turbo"):
		base, tile = 85, 170 // GPT-5 takes less
	}
	if low && tile > 0 {
		return base
	}
	return base + 8*tile
}

// AudioWeight is how many text tokens a token of spoken answer costs at most:
// OpenAI's gpt-4o-audio asks 20 times as much for it. Audio in a prompt is bounded
// by its bytes like a text: it has ten tokens a second, each at most 40 times as
// dear as one of text, and no format that OpenAI takes has less than 400 bytes a
// second.
const AudioWeight = 20
