package sandbox

import (
	"os"
	"path/filepath"
	"testing"
)

// What a killed gateway left is swept at the next start, and nothing else.
func TestFoldersOfDeadProcessesAreSwept(t *testing.T) {
	parent := t.TempDir()
	mine, held, err := lockedFolder(parent)
	if err != nil {
		t.Fatal(err)
	}
	defer held.Close()
	dead, lock, err := lockedFolder(parent)
	if err != nil {
		t.Fatal(err)
	}
	lock.Close() // as when its process ends
	if err := os.MkdirAll(dead+"/box-1/w", 0o755); err != nil {
		t.Fatal(err)
	}
	unlocked, elsewhere := filepath.Join(parent, folderPrefix+"0"), t.TempDir()
	link := filepath.Join(parent, folderPrefix+"link")
	other := filepath.Join(parent, "drover-other")
	for _, err := range []error{
		os.Mkdir(unlocked, 0o755), os.Symlink(elsewhere, link), os.Mkdir(other, 0o755),
		os.WriteFile(elsewhere+"/lock", nil, 0o600), os.WriteFile(other+"/lock", nil, 0o600),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	foreign := filepath.Join(parent, folderPrefix+"foreign")
	if os.Geteuid() == 0 {
		for _, err := range []error{os.Mkdir(foreign, 0o755), os.WriteFile(foreign+"/lock", nil, 0o600), os.Chown(foreign, 1234, 1234)} {
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	next, lock, err := lockedFolder(parent)
	if err != nil {
		t.Fatal(err)
	}
	defer lock.Close()
	if _, err := os.Stat(dead); err == nil {
		t.Error("the folder of a dead process is still there")
	}
	for _, stays := range []string{mine, next, unlocked, elsewhere + "/lock", other + "/lock"} {
		if _, err := os.Stat(stays); err != nil {
			t.Error(err)
		}
	}
	if os.Geteuid() == 0 {
		if _, err := os.Stat(foreign + "/lock"); err != nil {
			t.Error(err)
		}
	}
}
