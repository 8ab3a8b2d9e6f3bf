package admin_test

import (
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"

	"github.com/drover-llm/drover/gateway/admin"
)

func Example() {
	server, err := admin.New(admin.Config{Token: "secret"}, admin.Control{Keys: &shelf{}}, admin.Options{})
	if err != nil {
		log.Fatal(err)
	}
	r := httptest.NewRequest(http.MethodGet, "/api/keys", nil)
	r.Header.Set("Authorization", "Bearer secret")
	w := httptest.NewRecorder()
	server.ServeHTTP(w, r)
	fmt.Print(w.Code, " ", w.Body)
	// Output: 200 {"keys":[]}
}
