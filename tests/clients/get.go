// Prints the bodies of the URLs in its arguments. With -post, sends standard input in chunks to the first.
package main

import (
	"fmt"
	"io"
	"net/http"
	"os"
)

func show(response *http.Response, err error) {
	if err == nil {
		defer response.Body.Close()
		if response.StatusCode != 200 {
			err = fmt.Errorf("status %s", response.Status)
		} else {
			_, err = io.Copy(os.Stdout, response.Body)
		}
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func main() {
	if os.Args[1] == "-post" {
		// A reader of unknown length: net/http sends it in chunks.
		show(http.Post(os.Args[2], "application/octet-stream", io.MultiReader(os.Stdin)))
		return
	}
	for _, url := range os.Args[1:] {
		show(http.Get(url))
	}
}
