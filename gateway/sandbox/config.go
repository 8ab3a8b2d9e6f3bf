package sandbox

import (
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Engines that a configuration may name.
const (
	EngineAuto     = "auto"     // ns where it works, else remote where URLs are given, else nothing runs
	EngineNS       = "ns"       // Linux namespaces, seccomp and resource limits on this machine
	EngineLandlock = "landlock" // Landlock, seccomp and resource limits; weaker than ns, never chosen by auto
	EngineRemote   = "remote"   // the same binary elsewhere, as "drover sandbox serve"
)

// Defaults of a Config's zero fields.
const (
	DefaultParallel         = 2
	DefaultCPU              = 5 * time.Second
	DefaultMemory     Bytes = 512 << 20
	DefaultOutput     Bytes = 64 << 10
	DefaultDisk       Bytes = 32 << 20
	maxTimeout              = 120 * time.Second
	maxMemory         Bytes = 4096 << 20
	maxOutput         Bytes = 4096 << 10
	maxParallel             = 256
	processLimit            = 64
	initTasks               = 16 // of init itself, which the limit on processes counts as well
	descriptorLimit         = 128
	inodeLimit              = 2000
	fileSizeLimit     Bytes = 16 << 20
	floodLimit        Bytes = 1 << 20
	stackLimit        Bytes = 64 << 20
	addressLimit      Bytes = 64 << 30 // node reserves far more than it uses
	compileDisk       Bytes = 256 << 20
	compileInodes           = 20000
	compileCPU              = 60 * time.Second
	compileFileSize   Bytes = 128 << 20
	compileMemory     Bytes = 2 << 30
	probeInterval           = 5 * time.Minute
	downInterval            = 20 * time.Second
	supervisionPeriod       = 20 * time.Millisecond
)

// Config says how untrusted programs are run. The zero value picks the engine
// itself, runs two programs at a time and knows the interpreters on PATH.
type Config struct {
	// Engine is auto (the default), ns, remote, or landlock, which auto never chooses.
	Engine string `yaml:"engine" json:"engine,omitempty"`
	// Parallel is how many verifications may run at a time; 0 means 2.
	Parallel int `yaml:"parallel" json:"parallel,omitempty"`
	// CPU is the processor time of one verification; 0 means 5s. The wall clock
	// allows three times that plus 2s.
	CPU time.Duration `yaml:"cpu" json:"cpu,omitempty"`
	// Memory is what all processes of one verification may hold together, with
	// page tables, socket buffers and mappings; 0 means 512MB. Files in the work
	// folder, 32MB at most, and pipes come on top.
	Memory Bytes `yaml:"memory" json:"memory,omitempty"`
	// Languages overrides or adds to the built-in languages, by name.
	Languages map[string]Language `yaml:"languages" json:"languages,omitempty"`
	// Path lists folders in which interpreters are looked for before the usual
	// ones: the caller's PATH.
	Path []string `yaml:"-" json:"-"`
	// Cache is a folder for what compilers can share between programs, kept from
	// one process to the next: Go's compiled standard library, about 100MB. Empty:
	// every Go program compiles what it needs of it.
	Cache string `yaml:"-" json:"-"`
	// Remote lists workers for the remote engine.
	Remote Remote `yaml:"remote" json:"remote,omitempty"`
	// Cgroup is a delegated cgroup v2 directory in which every container gets a
	// group of its own. Empty: memory is supervised by polling.
	Cgroup string `yaml:"cgroup" json:"cgroup,omitempty"`
}

// Language says how programs of one language are started.
type Language struct {
	// Command starts a program; "{file}" stands for its source, "{out}" for the
	// compiled program. Without either the source file is appended.
	Command []string `yaml:"command" json:"command,omitempty"`
	// Compile builds "{out}" from "{file}" first; empty for interpreters.
	Compile []string `yaml:"compile" json:"compile,omitempty"`
	// Extension of the source file, without the dot.
	Extension string `yaml:"extension" json:"extension,omitempty"`
	// CPU and Memory override those of the Config where they are not zero.
	CPU    time.Duration `yaml:"cpu" json:"cpu,omitempty"`
	Memory Bytes         `yaml:"memory" json:"memory,omitempty"`
}

// Remote names the workers of the remote engine, which are tried in turn.
type Remote struct {
	// URLs of workers, "https://host:port" or "http://host:port".
	URLs []string `yaml:"urls" json:"urls,omitempty"`
	// Token is the bearer token that the workers ask for.
	Token string `yaml:"token" json:"-"`
	// CA, Certificate and Key are PEM files: whom to trust, and what to show where
	// a worker asks for a client certificate. Empty: the system's, and none.
	CA          string `yaml:"ca" json:"ca,omitempty"`
	Certificate string `yaml:"certificate" json:"certificate,omitempty"`
	Key         string `yaml:"key" json:"key,omitempty"`
}

// Validate reports every fault of c with its path relative to the configuration.
func (c Config) Validate(fault func(path, format string, args ...any)) {
	switch c.Engine {
	case "", EngineAuto, EngineNS, EngineLandlock:
	case EngineRemote:
		if len(c.Remote.URLs) == 0 {
			fault("remote.urls", "must name at least one worker for the remote engine")
		}
	default:
		fault("engine", "must be auto, ns, landlock or remote, got %q", c.Engine)
	}
	if c.Parallel < 0 || c.Parallel > maxParallel {
		fault("parallel", "must be between 0 and %d, got %d", maxParallel, c.Parallel)
	}
	if c.CPU < 0 || c.CPU > maxTimeout {
		fault("cpu", "must be between 0s and %s, got %s", maxTimeout, c.CPU)
	}
	if c.Memory < 0 || c.Memory > maxMemory || c.Memory > 0 && c.Memory < 16<<20 {
		fault("memory", "must be between 16MB and %s, got %s", maxMemory, c.Memory)
	}
	for i, u := range c.Remote.URLs {
		parsed, err := url.Parse(u)
		if err != nil || parsed.Host == "" || parsed.Scheme != "http" && parsed.Scheme != "https" {
			fault(fmt.Sprintf("remote.urls[%d]", i), "must be an http or https address, got %q", u)
		}
	}
	if len(c.Remote.URLs) > 0 && c.Remote.Token == "" && c.Remote.Certificate == "" {
		fault("remote.token", "must be set, or a certificate: workers run programs for whoever may ask")
	}
	if (c.Remote.Certificate == "") != (c.Remote.Key == "") {
		fault("remote.key", "certificate and key must be set together")
	}
	if c.Cgroup != "" && !strings.HasPrefix(c.Cgroup, "/") {
		fault("cgroup", "must be an absolute path, got %q", c.Cgroup)
	}
	names := make([]string, 0, len(c.Languages))
	for name := range c.Languages {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		c.Languages[name].validate("languages."+name, name, fault)
	}
}

func (l Language) validate(path, name string, fault func(path, format string, args ...any)) {
	if !slices.Contains(languageNames, name) {
		fault(path, "must be one of %s", strings.Join(languageNames, ", "))
	}
	if len(l.Command) == 0 && len(builtinLanguages[name].Command) == 0 {
		fault(path+".command", "must be set: there is no built-in way to run %s", name)
	}
	for i, arg := range l.Command {
		if strings.ContainsRune(arg, 0) || i == 0 && arg == "" {
			fault(fmt.Sprintf("%s.command[%d]", path, i), "must not be empty or hold a zero byte")
		}
	}
	if strings.ContainsAny(l.Extension, "/.\x00") {
		fault(path+".extension", "must be a bare extension such as py, got %q", l.Extension)
	}
	if l.CPU < 0 || l.CPU > maxTimeout {
		fault(path+".cpu", "must be between 0s and %s, got %s", maxTimeout, l.CPU)
	}
	if l.Memory < 0 || l.Memory > maxMemory || l.Memory > 0 && l.Memory < 16<<20 {
		fault(path+".memory", "must be between 16MB and %s, got %s", maxMemory, l.Memory)
	}
}

// withDefaults fills the zero fields of c.
func (c Config) withDefaults() Config {
	if c.Engine == "" {
		c.Engine = EngineAuto
	}
	if c.Parallel == 0 {
		c.Parallel = DefaultParallel
	}
	if c.CPU == 0 {
		c.CPU = DefaultCPU
	}
	if c.Memory == 0 {
		c.Memory = DefaultMemory
	}
	return c
}

// Bytes is an amount of memory or storage. In text it is a number with an
// optional unit: B, KB, MB, GB (or KiB, MiB, GiB), all powers of 1024.
type Bytes int64

// UnmarshalText reads "512MB", "64KiB" or a bare number of bytes.
func (b *Bytes) UnmarshalText(text []byte) error {
	s := strings.ToUpper(strings.TrimSpace(string(text)))
	shift := 0
	s = strings.TrimSuffix(s, "B")
	s = strings.TrimSuffix(s, "I")
	for i, unit := range []string{"K", "M", "G"} {
		if rest, ok := strings.CutSuffix(s, unit); ok {
			s, shift = rest, 10*(i+1)
			break
		}
	}
	n, err := strconv.ParseInt(strings.TrimSpace(s), 10, 64)
	if err != nil || n < 0 || n > (1<<62)>>shift {
		return fmt.Errorf("size %q: must be a number with a unit, such as 512MB", text)
	}
	*b = Bytes(n << shift)
	return nil
}

// MarshalText writes the largest unit that divides b.
func (b Bytes) MarshalText() ([]byte, error) { return []byte(b.String()), nil }

func (b Bytes) String() string {
	for i, unit := range []string{"GB", "MB", "KB"} {
		if size := Bytes(1) << (30 - 10*i); b >= size && b%size == 0 {
			return fmt.Sprintf("%d%s", b/size, unit)
		}
	}
	return fmt.Sprintf("%dB", int64(b))
}
