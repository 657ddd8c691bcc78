// Package deploy_test holds docker-compose.yml and the Dockerfile against the program. It needs no Docker: it checks the two files
// for mistakes, and that the image copies everything that the build needs.
package deploy_test

import (
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/goccy/go-yaml"

	"github.com/orderwire/orderwire/internal/config"
	"github.com/orderwire/orderwire/internal/payment/simulated"
	"github.com/orderwire/orderwire/internal/payment/stripe"
)

const root = ".."

type composeFile struct {
	Services map[string]service `yaml:"services"`
	Volumes  map[string]any     `yaml:"volumes"`
}

type service struct {
	Image       string            `yaml:"image"`
	Build       string            `yaml:"build"`
	Environment map[string]string `yaml:"environment"`
	Ports       []string          `yaml:"ports"`
	Volumes     []string          `yaml:"volumes"`
	HealthCheck struct {
		Test []string `yaml:"test"`
	} `yaml:"healthcheck"`
	DependsOn map[string]struct {
		Condition string `yaml:"condition"`
	} `yaml:"depends_on"`
	StopGracePeriod string `yaml:"stop_grace_period"`
}

func readCompose(t *testing.T) composeFile {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(root, "docker-compose.yml"))
	if err != nil {
		t.Fatal(err)
	}
	var c composeFile
	if err := yaml.Unmarshal(raw, &c); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"server", "postgres"} {
		if _, ok := c.Services[name]; !ok {
			t.Fatalf("no service %s", name)
		}
	}
	return c
}

var variable = regexp.MustCompile(`\$\{[A-Z_]+:-([^}]*)\}`)

// value expands a text as compose does when no variable is set outside.
func value(text string) string { return variable.ReplaceAllString(text, "$1") }

// pinned is an image of the default registry with a version of at least two numbers.
var pinned = regexp.MustCompile(`^[a-z0-9-]+(/[a-z0-9-]+)?:[0-9]+\.[0-9]+[a-z0-9.-]*$`)

func TestComposeServices(t *testing.T) {
	t.Parallel()
	c := readCompose(t)
	for name, s := range c.Services {
		if s.Build == "" && !pinned.MatchString(s.Image) {
			t.Errorf("%s: image %q is not pinned to a version", name, s.Image)
		}
		if strings.HasSuffix(s.Image, ":latest") {
			t.Errorf("%s: image %q", name, s.Image)
		}
		if len(s.HealthCheck.Test) < 2 || s.HealthCheck.Test[0] != "CMD" {
			t.Errorf("%s: health check %q, want a command without a shell", name, s.HealthCheck.Test)
		}
		for dependency, how := range s.DependsOn {
			if _, ok := c.Services[dependency]; !ok || how.Condition != "service_healthy" {
				t.Errorf("%s waits for %s: %s, want service_healthy", name, dependency, how.Condition)
			}
		}
		for _, mount := range s.Volumes {
			volume, _, _ := strings.Cut(mount, ":")
			if _, declared := c.Volumes[volume]; !declared {
				t.Errorf("%s: volume %s is not declared", name, volume)
			}
		}
		for _, port := range s.Ports {
			if !strings.HasPrefix(port, "127.0.0.1:") {
				t.Errorf("%s: port %s is published to other machines, with development sign-in", name, port)
			}
		}
	}
	if _, waits := c.Services["server"].DependsOn["postgres"]; !waits {
		t.Error("the server does not wait for PostgreSQL")
	}
}

// The server starts with the settings of the image and the compose file.
func TestComposeConfiguresTheServer(t *testing.T) {
	t.Parallel()
	server := readCompose(t).Services["server"]
	known := config.Names(&simulated.Settings{}, &stripe.Settings{})
	settings := readDockerfile(t).env()
	for name, text := range server.Environment {
		settings[name] = value(text)
	}
	var environ []string
	for name, text := range settings {
		if !slices.Contains(known, name) {
			t.Errorf("the server knows no variable %s", name)
		}
		environ = append(environ, name+"="+text)
	}
	cfg, err := config.Load(environ, &simulated.Settings{}, &stripe.Settings{})
	if err != nil {
		t.Fatal(err)
	}
	grace, err := time.ParseDuration(server.StopGracePeriod)
	if err != nil || grace <= cfg.ShutdownTimeout {
		t.Errorf("stop_grace_period %q (%v) does not leave SHUTDOWN_TIMEOUT, %v", server.StopGracePeriod, err, cfg.ShutdownTimeout)
	}
	_, port, _ := strings.Cut(cfg.Addr, ":")
	if !slices.ContainsFunc(server.Ports, func(p string) bool { return strings.HasSuffix(p, ":"+port) }) {
		t.Errorf("the server listens on %s, published are %q", cfg.Addr, server.Ports)
	}
}

func TestComposeDatabaseURLFitsPostgres(t *testing.T) {
	t.Parallel()
	c := readCompose(t)
	postgres := c.Services["postgres"].Environment
	u, err := url.Parse(value(c.Services["server"].Environment["DATABASE_URL"]))
	if err != nil {
		t.Fatal(err)
	}
	password, _ := u.User.Password()
	for what, pair := range map[string][2]string{
		"user":     {u.User.Username(), postgres["POSTGRES_USER"]},
		"password": {password, value(postgres["POSTGRES_PASSWORD"])},
		"database": {strings.TrimPrefix(u.Path, "/"), postgres["POSTGRES_DB"]},
		"host":     {u.Hostname(), "postgres"},
	} {
		if pair[0] == "" || pair[0] != pair[1] {
			t.Errorf("%s: the server uses %q, PostgreSQL has %q", what, pair[0], pair[1])
		}
	}
}
