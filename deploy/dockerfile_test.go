package deploy_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// instruction is one of a Dockerfile: FROM, COPY, …, and what follows it on the same logical line.
type instruction struct{ name, args string }

// stage is a FROM and the instructions up to the next one.
type stage struct {
	image, name  string
	instructions []instruction
}

type dockerfile []stage

func readDockerfile(t *testing.T) dockerfile {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(root, "Dockerfile"))
	if err != nil {
		t.Fatal(err)
	}
	var stages dockerfile
	for line := range strings.Lines(strings.ReplaceAll(string(raw), "\\\n", " ")) {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		name, args, _ := strings.Cut(line, " ")
		args = strings.TrimSpace(args)
		if name == "FROM" {
			image, as, _ := strings.Cut(args, " AS ")
			stages = append(stages, stage{image: image, name: as})
			continue
		}
		if len(stages) == 0 {
			t.Fatalf("%s before the first FROM", name)
		}
		last := &stages[len(stages)-1]
		last.instructions = append(last.instructions, instruction{name, args})
	}
	if len(stages) < 2 {
		t.Fatalf("%d stages, want a build and an image without the build's tools", len(stages))
	}
	return stages
}

func (d dockerfile) final() stage { return d[len(d)-1] }

// env returns the environment that the final stage sets for the program.
func (d dockerfile) env() map[string]string {
	env := map[string]string{}
	for _, i := range d.final().instructions {
		if i.name != "ENV" {
			continue
		}
		for _, assignment := range strings.Fields(i.args) {
			name, text, _ := strings.Cut(assignment, "=")
			env[name] = text
		}
	}
	return env
}

func (s stage) all(name string) []string {
	var args []string
	for _, i := range s.instructions {
		if i.name == name {
			args = append(args, i.args)
		}
	}
	return args
}

func TestImagesArePinned(t *testing.T) {
	t.Parallel()
	gomod, err := os.ReadFile(filepath.Join(root, "go.mod"))
	if err != nil {
		t.Fatal(err)
	}
	language := regexp.MustCompile(`(?m)^go ([0-9.]+)$`).FindSubmatch(gomod)
	if language == nil {
		t.Fatal("go.mod names no Go version")
	}
	for _, s := range readDockerfile(t) {
		if s.image != "scratch" && !pinned.MatchString(s.image) {
			t.Errorf("%q is not pinned to a version", s.image)
		}
		if want := "golang:" + string(language[1]) + "-"; strings.HasPrefix(s.image, "golang:") && !strings.HasPrefix(s.image, want) {
			t.Errorf("%s builds a module that asks for Go %s", s.image, language[1])
		}
	}
}

func TestImageRunsWithoutRootAndWithoutShell(t *testing.T) {
	t.Parallel()
	final := readDockerfile(t).final()
	if users := final.all("USER"); len(users) != 1 || !regexp.MustCompile(`^[1-9][0-9]*:[1-9][0-9]*$`).MatchString(users[0]) {
		t.Errorf("USER %q, want the number of a user and a group that are not root", users)
	}
	if run := final.all("RUN"); len(run) > 0 {
		t.Errorf("the final image has no shell for RUN %q", run)
	}
	binary := ""
	for _, args := range final.all("COPY") {
		fields := strings.Fields(args)
		if target := fields[len(fields)-1]; strings.HasPrefix(target, "/bin/") {
			binary = target
		}
	}
	commands := map[string]string{}
	for _, name := range []string{"ENTRYPOINT", "HEALTHCHECK"} {
		args := strings.Join(final.all(name), "")
		_, exec, _ := strings.Cut(args, "[")
		var words []string
		if err := json.Unmarshal([]byte("["+exec), &words); err != nil || len(words) == 0 {
			t.Fatalf("%s %s: want a command without a shell (%v)", name, args, err)
		}
		if words[0] != binary {
			t.Errorf("%s runs %s, the image has %s", name, words[0], binary)
		}
		commands[name] = strings.Join(words, " ")
	}
	if check := readCompose(t).Services["server"].HealthCheck.Test; commands["HEALTHCHECK"] != strings.Join(check[1:], " ") {
		t.Errorf("the image checks %q, the compose file %q", commands["HEALTHCHECK"], check)
	}
}

// The build stages get every file they need, and only from the checkout: the module's packages are listed, with
// everything they embed, in a folder that has nothing but what the Dockerfile copies.
func TestCopiedFilesAreEnough(t *testing.T) {
	t.Parallel()
	built := t.TempDir()
	for _, s := range readDockerfile(t) {
		workdir := strings.Join(s.all("WORKDIR"), "")
		for _, args := range s.all("COPY") {
			fields := strings.Fields(args)
			if strings.HasPrefix(fields[0], "--from=") {
				continue
			}
			sources, target := fields[:len(fields)-1], fields[len(fields)-1]
			if !path.IsAbs(target) {
				folder := strings.HasSuffix(target, "/")
				if target = path.Join(workdir, target); folder {
					target += "/"
				}
			}
			for _, source := range sources {
				copyInto(t, filepath.Join(root, source), filepath.Join(built, s.name, target), strings.HasSuffix(target, "/"))
			}
		}
	}
	for _, file := range []string{"web/src/web/package-lock.json", "web/src/web/index.html", "web/src/schema/*.graphqls"} {
		if matches, err := filepath.Glob(filepath.Join(built, file)); err != nil || len(matches) == 0 {
			t.Errorf("the web stage lacks %s (%v)", file, err)
		}
	}
	// The files that the web stage hands over.
	dist := filepath.Join(built, "server/src/web/dist")
	if err := os.MkdirAll(dist, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dist, "index.html"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	list := exec.CommandContext(t.Context(), "go", "list", "-deps", "./server")
	list.Dir = filepath.Join(built, "server/src")
	list.Env = append(os.Environ(), "CGO_ENABLED=0", "GOFLAGS=-buildvcs=false")
	if output, err := list.CombinedOutput(); err != nil {
		t.Errorf("the server stage cannot build ./server: %v\n%s", err, output)
	}
}

// copyInto does what COPY does: a folder's content goes into the target, a file becomes the target or goes into it.
func copyInto(t *testing.T, source, target string, intoFolder bool) {
	t.Helper()
	info, err := os.Stat(source)
	if err != nil {
		t.Errorf("COPY: %v", err)
		return
	}
	if info.IsDir() {
		err := filepath.WalkDir(source, func(file string, entry os.DirEntry, err error) error {
			if err != nil {
				return err
			}
			relative, err := filepath.Rel(source, file)
			if err != nil {
				return err
			}
			if entry.IsDir() {
				// As .dockerignore says.
				if entry.Name() == "node_modules" || (entry.Name() == "dist" && filepath.Base(source) == "web") {
					return filepath.SkipDir
				}
				return os.MkdirAll(filepath.Join(target, relative), 0o755)
			}
			return copyFile(file, filepath.Join(target, relative))
		})
		if err != nil {
			t.Fatal(err)
		}
		return
	}
	if intoFolder {
		target = filepath.Join(target, filepath.Base(source))
	}
	if err := os.MkdirAll(filepath.Dir(target), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := copyFile(source, target); err != nil {
		t.Fatal(err)
	}
}

func copyFile(source, target string) error {
	content, err := os.ReadFile(source)
	if err != nil {
		return err
	}
	return os.WriteFile(target, content, 0o600)
}
