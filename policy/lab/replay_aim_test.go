package lab

import (
	"math"
	"math/rand/v2"
	"testing"
)

func TestAimsAreJudgedWithTheirIntervalsAndTheLimit(t *testing.T) {
	for _, c := range []struct {
		name    string
		aim     Aim
		verdict string
	}{
		{"above with its interval", Aim{Value: Estimate{.6, .5, .7}, AtLeast: new(.5)}, AimHolds},
		{"above", Aim{Value: Estimate{.6, .4, .7}, AtLeast: new(.5)}, AimAsEstimate},
		{"below, where more can be reached", Aim{Value: Estimate{.4, .3, .7}, AtLeast: new(.5), Limit: new(.6)}, AimMissed},
		{"below, where no more can be reached", Aim{Value: Estimate{.4, .3, .7}, AtLeast: new(.5), Limit: new(.45)}, AimOutOfReach},
		{"under a bound with its interval", Aim{Value: Estimate{.4, .3, .5}, AtMost: new(.5)}, AimHolds},
		{"under a bound", Aim{Value: Estimate{.4, .3, .6}, AtMost: new(.5)}, AimAsEstimate},
		{"over a bound", Aim{Value: Estimate{.6, .3, .7}, AtMost: new(.5)}, AimMissed},
		{"without an interval", Aim{Value: single(.4), AtMost: new(.5)}, AimHolds},
		{"nothing to go by", Aim{Value: single(math.NaN()), AtMost: new(.5)}, AimMissed},
	} {
		if got := c.aim.judge().Verdict; got != c.verdict {
			t.Errorf("%s: %q, must be %q", c.name, got, c.verdict)
		}
	}
}

// Every sentence that a replay is to show has a verdict, under strong tests and
// under weak ones, where passes are not worth what they seem.
func TestEveryAimHasAVerdict(t *testing.T) {
	strong, _ := replayed(t, 1, 1)
	r := replayOf(t, 1, 1)
	r.FalsePass = .3
	weak, err := r.Run()
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		aims []Aim
		want map[string]string
	}{
		"strong tests": {strong.Aims, map[string]string{
			"right at .103 of the strong model's cost": AimHolds, "cost at the strong model's accuracy": AimHolds,
			"cost of a request that neither model ever got right": AimOfTable, "requests decided by a model below the floor": AimHolds,
		}},
		"weak tests": {weak.Aims, map[string]string{
			"the cascade of all samples, over one answer of the strong model": AimHolds,
		}},
	} {
		verdicts := map[string]string{}
		for _, a := range c.aims {
			if a.Verdict == "" || (a.AtLeast == nil) == (a.AtMost == nil) {
				t.Errorf("%s: %+v", name, a)
			}
			verdicts[a.Name] = a.Verdict
		}
		for aim, want := range c.want {
			if verdicts[aim] != want {
				t.Errorf("%s: %s: %q, must be %q", name, aim, verdicts[aim], want)
			}
		}
	}
}

// Forecasts that are off by a tenth have that error, and none of it is noise; those
// that are right over many problems, each of which comes out one way, have only
// noise.
func TestCalibrationTellsErrorFromNoise(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	const tasks = 40
	var off, noisy []judgement
	for i := range tasks * 100 {
		off = append(off, judgement{i % tasks, .6, i/tasks%2 == 0})
		noisy = append(noisy, judgement{i % tasks, .5, i%tasks < tasks/2})
	}
	if c := newCalibration(off); math.Abs(c.error()-.1) > 1e-9 || c.noise(tasks, 50, rng) > .02 || math.Abs(c.brier()-.26) > 1e-9 {
		t.Errorf("error %g, noise %g, Brier %g", c.error(), c.noise(tasks, 50, rng), c.brier())
	}
	if c := newCalibration(noisy); c.error() > 1e-9 || c.noise(tasks, 50, rng) < .03 {
		t.Errorf("of problems that come out one way: error %g, noise %g", c.error(), c.noise(tasks, 50, rng))
	}
}
