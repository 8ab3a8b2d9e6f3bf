package standin

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
)

func recordedServer(t *testing.T) (*Server, *Recording) {
	t.Helper()
	texts := func(name string, n int) (list []Answer) {
		for i := range n {
			list = append(list, Answer{Text: fmt.Sprint(name, " ", i+1)})
		}
		return list
	}
	r := NewRecording([]RecordedPrompt{
		{"a", "write a program", texts("a", 3)},
		{"b", "write a program that sorts", texts("b", 100)},
	})
	return start(t, Config{Default: r.Script()}), r
}

// contents asks for n choices and returns them.
func contents(t *testing.T, s *Server, prompt string, n int) (list []string, fingerprint any) {
	t.Helper()
	r := post(t, s, "/chat/completions", fmt.Sprintf(`{"model":"any","n":%d,"messages":[{"role":"user","content":%q}]}`, n, prompt))
	if r.status != http.StatusOK {
		t.Fatalf("status %d: %s", r.status, r.body)
	}
	v := decode(t, r.body)
	for i := range n {
		list = append(list, at(t, v, "choices", i, "message", "content").(string))
	}
	return list, v["system_fingerprint"]
}

func TestRecordingGivesEachPromptsAnswersInOrder(t *testing.T) {
	s, r := recordedServer(t)
	got, says := contents(t, s, "please write a program that sorts, now", 3)
	if !slices.Equal(got, []string{"b 1", "b 2", "b 3"}) || says != "recorded" {
		t.Errorf("%q, %v", got, says)
	}
	got, _ = contents(t, s, "please write a program", 2)
	if !slices.Equal(got, []string{"a 1", "a 2"}) {
		t.Errorf("%q", got)
	}
	if got, _ = contents(t, s, "write a program", 2); got[0] != "a 3" || !strings.Contains(got[1], "All 3 recorded answers to a") {
		t.Errorf("%q", got)
	}
	if got, _ = contents(t, s, "write a poem", 1); !strings.Contains(got[0], "No answer") {
		t.Errorf("%q", got)
	}
	r.Rewind()
	if got, _ = contents(t, s, "write a program", 1); got[0] != "a 1" {
		t.Errorf("after rewinding %q", got)
	}
	if billed := s.Billed()["any"]; billed.Calls != 5 || billed.Completion == 0 {
		t.Errorf("billed %+v", billed)
	}
}

// However calls interleave, each answer is given once.
func TestRecordingGivesEachAnswerOnce(t *testing.T) {
	s, _ := recordedServer(t)
	var mu sync.Mutex
	var all []string
	var group sync.WaitGroup
	for range 20 {
		group.Go(func() {
			got, _ := contents(t, s, "write a program that sorts", 5)
			mu.Lock()
			all = append(all, got...)
			mu.Unlock()
		})
	}
	group.Wait()
	slices.Sort(all)
	if all = slices.Compact(all); len(all) != 100 || strings.HasPrefix(all[0], "All") {
		t.Errorf("%d different answers, the first %q", len(all), all[0])
	}
}
