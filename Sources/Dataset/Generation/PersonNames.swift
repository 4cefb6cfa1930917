/// Brazilian first and last names, to make people who do not exist look plausible.
enum PersonNames {
    /// A name as it is written, and without accents for an e-mail address.
    struct Name {
        let written: [UInt8]
        let plain: [UInt8]

        init(_ written: String, _ plain: String) {
            self.written = Array(written.utf8)
            self.plain = Array(plain.utf8)
        }
    }

    static let first: [Name] = [
        Name("Ana", "ana"), Name("Maria", "maria"), Name("João", "joao"), Name("José", "jose"), Name("Antônio", "antonio"),
        Name("Francisco", "francisco"), Name("Carlos", "carlos"), Name("Paulo", "paulo"), Name("Pedro", "pedro"),
        Name("Lucas", "lucas"), Name("Luiz", "luiz"), Name("Marcos", "marcos"), Name("Luís", "luis"),
        Name("Gabriel", "gabriel"), Name("Rafael", "rafael"), Name("Daniel", "daniel"), Name("Marcelo", "marcelo"),
        Name("Bruno", "bruno"), Name("Eduardo", "eduardo"), Name("Felipe", "felipe"), Name("Rodrigo", "rodrigo"),
        Name("Manoel", "manoel"), Name("Mateus", "mateus"), Name("André", "andre"), Name("Fernando", "fernando"),
        Name("Fábio", "fabio"), Name("Leonardo", "leonardo"), Name("Gustavo", "gustavo"), Name("Guilherme", "guilherme"),
        Name("Leandro", "leandro"), Name("Tiago", "tiago"), Name("Anderson", "anderson"), Name("Ricardo", "ricardo"),
        Name("Márcio", "marcio"), Name("Jorge", "jorge"), Name("Sebastião", "sebastiao"), Name("Alexandre", "alexandre"),
        Name("Roberto", "roberto"), Name("Edson", "edson"), Name("Diego", "diego"), Name("Vítor", "vitor"),
        Name("Sérgio", "sergio"), Name("Cláudio", "claudio"), Name("Matheus", "matheus"), Name("Thiago", "thiago"),
        Name("Geraldo", "geraldo"), Name("Adriano", "adriano"), Name("Luciano", "luciano"), Name("Júlio", "julio"),
        Name("Renato", "renato"), Name("Alex", "alex"), Name("Vinícius", "vinicius"), Name("Rogério", "rogerio"),
        Name("Samuel", "samuel"), Name("Ronaldo", "ronaldo"), Name("Mário", "mario"), Name("Flávio", "flavio"),
        Name("Igor", "igor"), Name("Douglas", "douglas"), Name("Davi", "davi"), Name("Juliana", "juliana"),
        Name("Márcia", "marcia"), Name("Fernanda", "fernanda"), Name("Patrícia", "patricia"), Name("Aline", "aline"),
        Name("Sandra", "sandra"), Name("Camila", "camila"), Name("Amanda", "amanda"), Name("Bruna", "bruna"),
        Name("Jéssica", "jessica"), Name("Letícia", "leticia"), Name("Júlia", "julia"), Name("Luciana", "luciana"),
        Name("Vanessa", "vanessa"), Name("Mariana", "mariana"), Name("Gabriela", "gabriela"), Name("Vera", "vera"),
        Name("Vitória", "vitoria"), Name("Larissa", "larissa"), Name("Cláudia", "claudia"), Name("Beatriz", "beatriz"),
        Name("Rita", "rita"), Name("Luana", "luana"), Name("Sônia", "sonia"), Name("Renata", "renata"),
        Name("Eliane", "eliane"), Name("Josefa", "josefa"), Name("Simone", "simone"), Name("Natália", "natalia"),
        Name("Cristiane", "cristiane"), Name("Carla", "carla"), Name("Débora", "debora"), Name("Rosângela", "rosangela"),
        Name("Jaqueline", "jaqueline"), Name("Rosa", "rosa"), Name("Daniela", "daniela"), Name("Aparecida", "aparecida"),
        Name("Marlene", "marlene"), Name("Terezinha", "terezinha"), Name("Raimunda", "raimunda"), Name("Andréia", "andreia"),
        Name("Fabiana", "fabiana"), Name("Lúcia", "lucia"), Name("Raquel", "raquel"), Name("Ângela", "angela"),
        Name("Rafaela", "rafaela"), Name("Joana", "joana"), Name("Luzia", "luzia"), Name("Elaine", "elaine"),
        Name("Daniele", "daniele"), Name("Regina", "regina"), Name("Daiane", "daiane"), Name("Alessandra", "alessandra"),
        Name("Isabela", "isabela"), Name("Tatiane", "tatiane"), Name("Helena", "helena"), Name("Priscila", "priscila"),
        Name("Lorena", "lorena"), Name("Cecília", "cecilia"), Name("Inês", "ines"), Name("Íris", "iris"),
    ]

    static let last: [Name] = [
        Name("Silva", "silva"), Name("Santos", "santos"), Name("Oliveira", "oliveira"), Name("Souza", "souza"),
        Name("Rodrigues", "rodrigues"), Name("Ferreira", "ferreira"), Name("Alves", "alves"), Name("Pereira", "pereira"),
        Name("Lima", "lima"), Name("Gomes", "gomes"), Name("Costa", "costa"), Name("Ribeiro", "ribeiro"),
        Name("Martins", "martins"), Name("Carvalho", "carvalho"), Name("Almeida", "almeida"), Name("Lopes", "lopes"),
        Name("Soares", "soares"), Name("Fernandes", "fernandes"), Name("Vieira", "vieira"), Name("Barbosa", "barbosa"),
        Name("Rocha", "rocha"), Name("Dias", "dias"), Name("Nascimento", "nascimento"), Name("Andrade", "andrade"),
        Name("Moreira", "moreira"), Name("Nunes", "nunes"), Name("Marques", "marques"), Name("Machado", "machado"),
        Name("Mendes", "mendes"), Name("Freitas", "freitas"), Name("Cardoso", "cardoso"), Name("Ramos", "ramos"),
        Name("Gonçalves", "goncalves"), Name("Santana", "santana"), Name("Teixeira", "teixeira"), Name("Araújo", "araujo"),
        Name("Moura", "moura"), Name("Cavalcanti", "cavalcanti"), Name("Batista", "batista"), Name("Campos", "campos"),
        Name("Correia", "correia"), Name("Monteiro", "monteiro"), Name("Azevedo", "azevedo"), Name("Pinto", "pinto"),
        Name("Reis", "reis"), Name("Borges", "borges"), Name("Castro", "castro"), Name("Melo", "melo"),
        Name("Conceição", "conceicao"), Name("Barros", "barros"), Name("Sales", "sales"), Name("Magalhães", "magalhaes"),
        Name("Peixoto", "peixoto"), Name("Guimarães", "guimaraes"), Name("Brito", "brito"), Name("Farias", "farias"),
        Name("Miranda", "miranda"), Name("Tavares", "tavares"), Name("Duarte", "duarte"), Name("Sampaio", "sampaio"),
        Name("Fonseca", "fonseca"), Name("Macedo", "macedo"), Name("Pires", "pires"), Name("Assunção", "assuncao"),
    ]
}
