package admin

import (
	"bufio"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/drover-llm/drover/policy"
)

// maxImport bounds the body of one import, in bytes; a longer one is sent in
// parts.
const maxImport = 16 << 20

// stalled is how long a reader of a stream may take nothing before it is cut off.
const stalled = time.Minute

// flow writes a long answer and lets it go on for as long as it is read.
type flow struct {
	c  echo.Context
	rc *http.ResponseController
}

func newFlow(c echo.Context) flow { return flow{c, http.NewResponseController(c.Response())} }

func (f flow) Write(b []byte) (int, error) {
	_ = f.rc.SetWriteDeadline(time.Now().Add(stalled))
	return f.c.Response().Write(b)
}

// export answers with one outcome a line, in the journal's order.
func (s *Server) export(c echo.Context) error {
	filter, err := readFilter(c)
	if err != nil {
		return err
	}
	format, kind := c.QueryParam("format"), "application/x-ndjson"
	switch format {
	case "", "jsonl":
	case "csv":
		kind = "text/csv"
	default:
		return badParam("format", "must be jsonl or csv, got %.64q", format)
	}
	c.Response().Header().Set(echo.HeaderContentType, kind)
	w := bufio.NewWriterSize(newFlow(c), 64<<10)
	err = WriteOutcomes(w, format, s.control.Ledger.Export(c.Request().Context(), filter))
	if err == nil {
		err = w.Flush()
	}
	if err != nil {
		s.log.Warn("admin: an export broke off", "error", err)
		panic(http.ErrAbortHandler) // half of an export must not look like a whole one
	}
	return nil
}

// WriteOutcomes writes entries in a format: jsonl or csv.
func WriteOutcomes(w io.Writer, format string, entries func(func(policy.Entry, error) bool)) error {
	if format == "csv" {
		return writeCSV(w, entries)
	}
	e := json.NewEncoder(w)
	for entry, err := range entries {
		if err != nil {
			return err
		}
		if err := e.Encode(entry); err != nil {
			return err
		}
	}
	return nil
}

var csvHeader = []string{"seq", "id", "at", "key", "team", "requested", "route", "model", "way", "reason", "status", "error",
	"verified", "tests", "passed", "samples", "stop", "calls", "prompt_tokens", "completion_tokens", "cost_usd", "baseline_cost_usd", "took_ms", "stream", "tags", "prices", "imported", "charged_usd"}

func writeCSV(w io.Writer, entries func(func(policy.Entry, error) bool)) error {
	out := csv.NewWriter(w)
	if err := out.Write(csvHeader); err != nil {
		return err
	}
	for entry, err := range entries {
		if err != nil {
			return err
		}
		if err := out.Write(csvLine(entry)); err != nil {
			return err
		}
	}
	out.Flush()
	return out.Error()
}

func csvLine(e policy.Entry) []string {
	o := e.Outcome
	cost, baseline, charged, tests, passed := "", "", "", "", ""
	if o.Cost != nil {
		cost = o.Cost.String()
	}
	if charge := o.Charge(); charge != nil {
		charged = charge.String()
	}
	if o.Baseline != nil {
		baseline = o.Baseline.String()
	}
	if o.Task != nil {
		tests, passed = strconv.Itoa(o.Task.Tests), strconv.Itoa(o.Task.Passed)
	}
	var prompt, completion int64
	for _, call := range o.Calls {
		prompt, completion = prompt+call.Usage.Prompt, completion+call.Usage.Completion
	}
	tags, _ := json.Marshal(o.Tags) // a map of strings always can be
	line := []string{
		strconv.FormatUint(e.Seq, 10), o.ID, o.At.UTC().Format(time.RFC3339Nano), o.Account.Key, o.Account.Team, o.Requested, o.Route, o.Model,
		o.Way, o.Reason, strconv.Itoa(o.Status), o.Error, o.VerifiedWord(), tests, passed, strconv.Itoa(len(o.Samples)), o.Stop, strconv.Itoa(len(o.Calls)),
		strconv.FormatInt(prompt, 10), strconv.FormatInt(completion, 10), cost, baseline, strconv.FormatInt(o.Took.Milliseconds(), 10),
		strconv.FormatBool(o.Stream), string(tags), o.Prices, strconv.FormatBool(e.Imported), charged,
	}
	for i, cell := range line {
		// A spreadsheet would run what begins like a formula; model names and tags
		// are what clients sent.
		if cell != "" && strings.ContainsRune("=+-@\t\r", rune(cell[0])) {
			line[i] = "'" + cell
		}
	}
	return line
}

// backup answers with the ledger's file as it is at one moment.
func (s *Server) backup(c echo.Context) error {
	c.Response().Header().Set(echo.HeaderContentType, "application/octet-stream")
	c.Response().Header().Set(echo.HeaderCacheControl, "no-store")
	if err := s.control.Ledger.Backup(c.Request().Context(), newFlow(c)); err != nil {
		s.log.Warn("admin: a backup broke off", "error", err)
		panic(http.ErrAbortHandler)
	}
	s.note(c.Request().Context(), policy.Change{By: s.asker(c), Action: "ledger.backup"})
	return nil
}

// VerifyLine is a line of the answer to GET /api/ledger/verify?progress=true: how
// far it is, and at the end what it found.
type VerifyLine struct {
	Records int                `json:"records,omitempty"` // read
	Of      int                `json:"of,omitempty"`
	Found   *policy.Inspection `json:"audit,omitempty"`
}

// progressEvery is how often a verification says how far it is.
const progressEvery = 200 * time.Millisecond

func (s *Server) verify(c echo.Context) error {
	switch told := c.QueryParam("progress"); told {
	case "", "false":
	case "true":
		return s.verifyInSight(c)
	default:
		return badParam("progress", "must be true or false, got %.64q", told)
	}
	_ = http.NewResponseController(c.Response()).SetWriteDeadline(time.Time{})
	found, err := s.control.Ledger.Verify(c.Request().Context(), nil)
	if err != nil {
		return s.unreadable(err)
	}
	return c.JSON(http.StatusOK, found)
}

// verifyInSight answers with a line whenever there is progress.
func (s *Server) verifyInSight(c echo.Context) error {
	c.Response().Header().Set(echo.HeaderContentType, "application/x-ndjson")
	flow := newFlow(c)
	lines, last := json.NewEncoder(flow), s.now()
	tell := func(line VerifyLine) error { return errors.Join(lines.Encode(line), flow.rc.Flush()) }
	found, err := s.control.Ledger.Verify(c.Request().Context(), func(done, of int) {
		if now := s.now(); now.Sub(last) >= progressEvery {
			last = now
			_ = tell(VerifyLine{Records: done, Of: of}) // who does not listen ends the request
		}
	})
	if err == nil {
		err = tell(VerifyLine{Found: &found})
	}
	if err != nil {
		if !c.Response().Committed {
			return s.unreadable(err)
		}
		s.log.Warn("admin: a verification broke off", "error", err)
		panic(http.ErrAbortHandler)
	}
	return nil
}

// ImportRequest is the body of POST /api/ledger/import.
type ImportRequest struct {
	Outcomes []policy.Outcome `json:"outcomes"`
	From     string           `json:"from"` // for the list of changes
}

// ImportAnswer answers it.
type ImportAnswer struct {
	Added   int `json:"added"`
	Skipped int `json:"skipped"` // their ids were there
}

func (s *Server) importOutcomes(c echo.Context) error {
	var r ImportRequest
	if err := readBody(c, maxImport, &r); err != nil {
		return err
	}
	for i, o := range r.Outcomes {
		if o.ID == "" || len(o.ID) > 256 {
			return badParam(fmt.Sprintf("outcomes[%d].id", i), "must have 1 to 256 bytes")
		}
	}
	added, err := s.control.Ledger.Import(c.Request().Context(), r.Outcomes)
	if err != nil {
		return s.unavailable(err)
	}
	if added > 0 {
		s.note(c.Request().Context(), policy.Change{By: s.asker(c), Action: "ledger.import", Detail: fmt.Sprintf("%d outcomes from %q", added, r.From)})
	}
	return c.JSON(http.StatusOK, ImportAnswer{Added: added, Skipped: len(r.Outcomes) - added})
}

func (s *Server) importPriors(c echo.Context) error {
	var p policy.Priors
	if err := readBody(c, maxImport, &p); err != nil {
		return err
	}
	p.At, p.By = s.now(), s.asker(c)
	if err := p.Validate(); err != nil {
		return badParam("counts", "%v", err)
	}
	if err := s.control.Ledger.AddPriors(c.Request().Context(), p); err != nil {
		return s.unavailable(err)
	}
	s.note(c.Request().Context(), policy.Change{By: p.By, Action: "ledger.priors", Subject: p.Name, Detail: fmt.Sprintf("%d pass counts", len(p.Counts))})
	return c.JSON(http.StatusOK, ImportAnswer{Added: len(p.Counts)})
}

// isAbort reports whether a panic is the one that cuts an answer off.
func isAbort(p any) bool {
	err, ok := p.(error)
	return ok && errors.Is(err, http.ErrAbortHandler)
}
